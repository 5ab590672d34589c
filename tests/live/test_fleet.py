# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics and alerts for a monitoring system: a file, a port, and Debian's real prometheus and
node_exporter that read them."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import cgroup
import proftop
import tap
import targets

LIMIT = 48 << 20
# Uses nearly all of a limit: what an alert tells whatever else runs on the machine.
LARGE = """
import os, sys
with open(os.path.join(sys.argv[1], "cgroup.procs"), "w") as procs:
    procs.write(str(os.getpid()))
held = bytearray(42 << 20)
held[::4096] = b"x" * len(held[::4096])
print("ready", flush=True)
n = 0
while True:
    n += 1
"""
CALM = "print('ready', flush=True); import time; time.sleep(600)"
TIMEOUT_S = 30


@contextlib.contextmanager
def recorded(script, *options, arguments=()):
    """A target in Python and a proftop that records it; with the folder that they are in."""
    with targets.folder() as place:
        command = [sys.executable, "-c", script, *arguments]
        with targets.started(command, ready="ready") as target:
            into = os.path.join(place, "a.ptop")
            words = ["record", "-p", target.pid, "-o", into]
            words += [option.replace("PLACE", place) for option in options]
            with proftop.started(*words, stderr=subprocess.PIPE) as recorder:
                yield place, target, recorder


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def metrics_url(recorder):
    line = recorder.stderr.readline().decode()
    found = re.search(r"http://127\.0\.0\.1:\d+/metrics", line)
    assert found, "no address in %r" % line
    return found.group()


def value_of(text, name):
    found = re.search(r"^%s(?:\{[^}]*\})? (\S+)$" % name, text, re.MULTILINE)
    return float(found.group(1)) if found else None


@tap.test("the file is there while the target is watched, and whole whenever it is read")
def _():
    with recorded(CALM, "--metrics-file", "PLACE/proftop.prom") as (place, target, recorder):
        path = os.path.join(place, "proftop.prom")

        def read():
            with contextlib.suppress(FileNotFoundError), open(path) as file:
                return file.read()
            return ""

        targets.wait_for(lambda: "proftop_rss_bytes" in read(), "the metrics", TIMEOUT_S)
        text = read()
        assert text.endswith("# EOF\n"), text[-100:]
        assert 'pid="%d"' % target.pid in text, text
        tap.equal(os.stat(path).st_mode & 0o444, 0o444, "who may read it")
        tap.equal(proftop.interrupt(recorder), 0, "exit status")
        tap.equal(sorted(os.listdir(place)), ["a.ptop"], "what is left")


@tap.test("the port serves what the kernel and the samples say, newly each time")
def _():
    with recorded(CALM, "--listen", "127.0.0.1:0") as (_, target, recorder):
        url = metrics_url(recorder)
        text = targets.wait_for(
            lambda: (lambda t: t if value_of(t, "proftop_open_fds") else "")(get(url)), "metrics"
        )
        rss = targets.rss_bytes(target.pid)
        tap.near(value_of(text, "proftop_rss_bytes"), rss, 0.2 * rss, "RSS")
        fds = len(os.listdir("/proc/%d/fd" % target.pid))
        tap.equal(value_of(text, "proftop_open_fds"), fds, "descriptors")
        tap.equal(value_of(text, "proftop_target_running"), 1, "running")
        samples = value_of(text, "proftop_samples_total")
        more = lambda: value_of(get(url), "proftop_samples_total") > samples
        targets.wait_for(more, "more samples")
        idle = lambda: value_of(get(url), "proftop_idle_threads")
        targets.wait_for(lambda: (idle() or 0) > 0.9, "the thread to be idle", TIMEOUT_S)


def exchange(port, request, wait_s=10):
    """What comes back for these bytes, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as client:
        client.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while True:
                part = client.recv(65536)
                if not part:
                    break
                answer += part
        return answer


@tap.test("hostile requests get their short answer, slow ones hold nothing")
def _():
    with recorded(CALM, "--listen", "0") as (_, _target, recorder):
        url = metrics_url(recorder)
        port = urllib.parse.urlparse(url).port
        for request, status in (
            (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
            (b"GET /metrics?x=1 HTTP/1.0\n\n", b"200"),
            (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200"),
            (b"GET / HTTP/1.1\r\n\r\n", b"200"),
            (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
            (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n", b"400"),
            (b"DELETE /metrics HTTP/1.1\r\n\r\n", b"405"),
            (b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\nsome text", b"405"),
            (b"GET /metrics HTTP/2.0\r\n\r\n", b"400"),
            (b"GET /metrics HTTP/1.12345678901234567890\r\n\r\n", b"400"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
            (b"\r\n\r\n", b"400"),
            (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5000, b"431"),
        ):
            answer = exchange(port, request)
            tap.equal(answer[:12], b"HTTP/1.1 " + status, "answer to %r" % request[:40])
        assert b"# EOF" not in exchange(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")
        with contextlib.ExitStack() as open_ones:
            slow = [
                open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
                for _ in range(60)
            ]
            for client in slow[-20:]:
                with contextlib.suppress(OSError):
                    client.sendall(b"GET /metrics HT")
            begin_s = time.monotonic()
            assert get(url).endswith("# EOF\n")
            assert time.monotonic() - begin_s < 3, "the slow ones held it up"
            slow[-1].settimeout(TIMEOUT_S)
            with contextlib.suppress(ConnectionResetError):
                tap.equal(slow[-1].recv(1), b"", "what a slow one gets")
        assert get(url).endswith("# EOF\n")


@tap.test("what cannot be had is said at once")
def _():
    with targets.folder() as place, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = ["record", "-p", os.getpid(), "-o", os.path.join(place, "a.ptop"), "-d", "1"]
        port = str(taken.getsockname()[1])
        proftop.fails([*command, "--listen", port], port, "in use")
        proftop.fails([*command, "--metrics-file", place + "/no/x.prom"], "no folder")
        for wrong in ("x", "70000", "-1", "1.2.3:80", "::1:80", "[::1:80", "a" * 100 + ":80"):
            done = proftop.run(*command, "--listen", wrong)
            tap.equal(done.returncode, 2, "status of --listen %r" % wrong)
            assert "--listen takes a port, or ADDRESS:PORT" in done.stderr, done.stderr
        tap.equal(os.listdir(place), [], "files left")


def of_file(place, *lines):
    """A settings file of these lines."""
    path = os.path.join(place, "rc")
    with open(path, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    return path


@tap.test("both are settings: from a file, and the command line over it")
def _():
    with targets.folder() as place:
        first, second = (os.path.join(place, name) for name in ("a.prom", "b.prom"))
        rc = of_file(place, "metrics-file = " + first, "listen = 0")
        words = ["record", "-p", os.getpid(), "-o", os.path.join(place, "a.ptop"), "--config", rc]
        with proftop.started(*words, stderr=subprocess.PIPE) as recorder:
            url = metrics_url(recorder)
            targets.wait_for(lambda: "proftop_rss_bytes" in get(url), "the figures")
            assert os.path.exists(first)
            tap.equal(proftop.interrupt(recorder), 0, "status")
        words += ["--metrics-file", second, "--listen", ""]
        with proftop.started(*words, stderr=subprocess.PIPE) as recorder:
            targets.wait_for(lambda: os.path.exists(second), "the command line's file")
            assert not os.path.exists(first)
            tap.equal(proftop.interrupt(recorder), 0, "status")
            said = recorder.stderr.read().decode()
            assert "the metrics are at" not in said, said


@tap.test("a port of the settings file that is taken is told, and the recording goes on")
def _():
    with targets.folder() as place, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, into = taken.getsockname()[1], os.path.join(place, "a.ptop")
        rc = of_file(place, "rate = 50", "listen = %d" % port, "metrics-file = /no/x.prom")
        words = ["-p", os.getpid(), "-o", into, "-d", "1", "--config", rc]
        done = proftop.run("record", *words)
        tap.equal(done.returncode, 0, "status")
        assert "%s:2: listen: cannot listen on" % rc in done.stderr, done.stderr
        assert "%s:3: metrics-file: " % rc in done.stderr, done.stderr
        assert os.path.exists(into)
        # Nor does what only reads a file open a port.
        report = proftop.run("report", into, "--config", rc)
        tap.equal((report.returncode, report.stderr), (0, ""), "report")


def config(place, ports):
    """Prometheus' own configuration: both jobs, every second."""
    path = os.path.join(place, "prometheus.yml")
    with open(path, "w") as file:
        file.write("global:\n  scrape_interval: 1s\nscrape_configs:\n")
        for job, port in ports.items():
            file.write("  - job_name: %s\n    static_configs:\n" % job)
            file.write('      - targets: ["127.0.0.1:%d"]\n' % port)
    return path


@tap.test(
    "prometheus scrapes it and node_exporter reads its file: metrics and alerts are there",
    slow=True,
)
def _():
    tools = [targets.tool("prometheus"), targets.tool("prometheus-node-exporter")]
    listen, node, prom = (targets.free_port() for _ in range(3))
    options = ["--listen", str(listen), "--metrics-file", "PLACE/proftop.prom"]
    with contextlib.ExitStack() as stack:
        group = [stack.enter_context(cgroup.memory_group(LIMIT))]
        limited = recorded(LARGE, *options, arguments=group)
        place, target, recorder = stack.enter_context(limited)
        at = "--web.listen-address=127.0.0.1:%d"
        exporter = [tools[1], "--collector.disable-defaults", "--collector.textfile"]
        exporter += ["--collector.textfile.directory=" + place, at % node]
        stack.enter_context(targets.started(exporter))
        server = [tools[0], "--config.file=" + config(place, {"proftop": listen, "node": node})]
        server += ["--storage.tsdb.path=" + os.path.join(place, "data"), at % prom]
        stack.enter_context(targets.started(server))

        def query(expression):
            url = "http://127.0.0.1:%d/api/v1/query?" % prom
            try:
                answer = json.loads(get(url + urllib.parse.urlencode({"query": expression})))
            except OSError:  # it is not up yet
                return []
            return answer["data"]["result"]

        def expect(expression):
            return targets.wait_for(lambda: query(expression), expression, TIMEOUT_S)

        expect('up{job="proftop"} == 1')
        expect('proftop_cpu_ratio{job="proftop",pid="%d"} > 0.01' % target.pid)
        rss = expect('proftop_rss_bytes{job="proftop"}')[0]
        tap.equal(rss["metric"]["comm"], os.path.basename(sys.executable)[:15], "comm")
        expect('rate(proftop_samples_total{job="proftop"}[5s]) > 1')
        alert = expect('proftop_alert{job="proftop",rule=~"memory.*"} == 1')[0]
        assert alert["metric"]["severity"] in ("warning", "critical"), alert
        tap.equal(len(expect('proftop_alert{job="proftop",rule=~"memory.*"}')), 2, "severities")

        expect('node_textfile_scrape_error{job="node"} == 0')
        expect('proftop_rss_bytes{job="node",pid="%d"} > 1e6' % target.pid)
        expect('proftop_alert{job="node",rule=~"memory.*"} == 1')
        expect('proftop_samples_total{job="node"} > 0')
        tap.equal(proftop.interrupt(recorder), 0, "exit status")
        expect('absent(proftop_rss_bytes{job="node"})')  # not the last figures for ever


tap.main()
