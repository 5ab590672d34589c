# SPDX-License-Identifier: GPL-2.0-or-later
"""The flight recorder on redis under load: level memory, files within their bounds, what it costs.

    bench_ring.py [--minutes N] [--every SECONDS] [--ring SPAN] [--keep WHAT] [--clients N]
                  [--threads] [--kill]

One real hour by default. Every minute a line: proftop's RSS, its CPU, what it wrote to storage, its
files and their bytes. In the middle a snapshot is asked for: how long it takes, and whether ticks came
late meanwhile. --threads: a Python program of 200 threads that come and go instead of redis. --kill:
ends with kill -9 instead of SIGTERM. Then every file that is left is opened.
"""

import argparse
import contextlib
import glob
import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import proftop
import targets

RSS_LIMIT_MB = 64.0
SNAPSHOT_LIMIT_S = 0.3
THREADS = """
import hashlib, json, random, threading, time
def hashes(n):
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)]
def texts(n):
    return json.loads(json.dumps([{str(i): i} for i in range(n)]))
def live():
    end = time.monotonic() + random.uniform(5, 60)
    while time.monotonic() < end:
        random.choice((hashes, texts))(random.randrange(50))
        time.sleep(random.uniform(0.05, 1))
def start():
    threading.Thread(target=live, daemon=True).start()
for _ in range(200):
    start()
print("ready", flush=True)
while True:
    time.sleep(0.1)
    while threading.active_count() < 200:
        start()
"""


@contextlib.contextmanager
def redis(place, clients):
    """Under load from redis-benchmark, as long as this lasts."""
    port = targets.free_port()
    server = [targets.tool("redis-server"), "--port", str(port), "--save", "", "--dir", place]
    load = [targets.tool("redis-benchmark"), "-p", str(port), "-c", str(clients), "-l", "-q"]
    load += ["-t", "set,get,incr,lpush,lrange_100,zadd,mset", "-r", "100000", "-n", "200000"]
    with targets.started(server) as process:
        targets.wait_for(lambda: targets.answers(port), "redis")
        with targets.started(["nice", *load]):
            yield process


@contextlib.contextmanager
def threads(_place, _clients):
    with targets.started([sys.executable, "-c", THREADS], ready="ready") as process:
        yield process


def written_bytes(pid):
    """What the process has caused to be written to storage, and how much it handed to write()."""
    with open("/proc/%d/io" % pid) as io:
        fields = dict(line.split(": ") for line in io.read().splitlines())
    return int(fields["write_bytes"]) - int(fields["cancelled_write_bytes"]), int(fields["wchar"])


def folder_bytes(place):
    total = 0
    for path in glob.glob(os.path.join(place, "*")):
        with contextlib.suppress(OSError):
            total += os.path.getsize(path)
    return total


def snapshot(recorder, place):
    """Asks for one; seconds until it is there under its name."""
    before = set(os.listdir(place))
    begin_s = time.monotonic()
    recorder.send_signal(signal.SIGUSR1)

    def written():
        new = set(os.listdir(place)) - before
        return [name for name in new if name.endswith(".ptop") and ".segment" not in name]

    name = targets.wait_for(written, "the snapshot", 20)[0]
    return time.monotonic() - begin_s, os.path.join(place, name)


def watch(recorder, place, options):
    begin_s = time.monotonic()
    end_s = begin_s + 60 * options.minutes
    rows, asked, taken = [], False, None
    cpu, (disk, wchar) = measure.cpu_ns(recorder.pid), written_bytes(recorder.pid)
    print("    time    RSS MB  CPU %  disk KB/s  write KB/s  files  their MB", flush=True)
    while time.monotonic() < end_s:
        at_s = time.monotonic()
        time.sleep(min(options.every, max(0.1, end_s - at_s)))
        span_s = time.monotonic() - at_s
        now_cpu, (now_disk, now_wchar) = measure.cpu_ns(recorder.pid), written_bytes(recorder.pid)
        row = (
            time.monotonic() - begin_s,
            targets.rss_bytes(recorder.pid) / 2**20,
            100 * (now_cpu - cpu) / 1e9 / span_s,
            (now_disk - disk) / 1024 / span_s,
            (now_wchar - wchar) / 1024 / span_s,
            len(os.listdir(place)),
            folder_bytes(place) / 2**20,
        )
        rows.append(row)
        print("%8.0f  %8.1f  %5.2f  %9.1f  %10.1f  %5d  %8.1f" % row, flush=True)
        cpu, disk, wchar = now_cpu, now_disk, now_wchar
        if not asked and time.monotonic() > (begin_s + end_s) / 2:
            asked = True
            taken = snapshot(recorder, place)
    return rows, taken


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=60.0)
    parser.add_argument("--ring", default="30m")
    parser.add_argument("--keep", default="5,200M")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--kill", action="store_true")
    options = parser.parse_args()
    target = threads if options.threads else redis
    with targets.folder() as outside, target(outside, options.clients) as process:
        place = os.path.join(outside, "ring")
        os.mkdir(place)
        args = ["--ring", options.ring, "--dir", place, "--keep", options.keep, "--on-alert", "snapshot"]
        with proftop.started("record", *args, "-p", str(process.pid), stderr=None) as recorder:
            rows, taken = watch(recorder, place, options)
            if options.kill:
                recorder.kill()
                recorder.wait()
            else:
                assert proftop.interrupt(recorder, signal.SIGTERM, 60) == 0
        for path in sorted(glob.glob(os.path.join(place, "*.ptop*"))):
            if not path.endswith("-journal"):
                proftop.report(path, "summary")
        costs = measure.costs(taken[1]) if taken else None
        last = sorted(glob.glob(os.path.join(place, "*.ptop*")), key=os.path.getmtime)
        last = [path for path in last if not path.endswith("-journal")][-1]
        after = measure.costs(last)
        shutil.rmtree(place)
    most_mb = max(row[1] for row in rows)
    late = len(rows) // 3
    print("most RSS %.1f MB; in the last third %.1f to %.1f MB" % (most_mb, min(r[1] for r in rows[-late - 1 :]), max(r[1] for r in rows[-late - 1 :])))
    if taken:
        print("snapshot in %.2f s; late ticks until then %d, at the end %d of %d" % (taken[0], costs["late_ticks"], after["late_ticks"], after["ticks"]))
    good = most_mb < RSS_LIMIT_MB
    print("RSS under %.0f MB: %s" % (RSS_LIMIT_MB, "yes" if good else "NO"))
    sys.exit(0 if good else 1)


main()
