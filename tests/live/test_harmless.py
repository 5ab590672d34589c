# SPDX-License-Identifier: GPL-2.0-or-later
"""The target does not notice: no system call of its own is interrupted, no signal is lost, no sleep
cut short, by either engine; and a proftop that dies leaves nobody standing still.

HARMLESS_SECONDS=60 makes it long.
"""

import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets

SECONDS = int(os.environ.get("HARMLESS_SECONDS", "6"))
RATE_HZ = 1000


def check_unnoticed(engine):
    with targets.folder() as place:
        binary = targets.program("eintr", into=place)
        path = os.path.join(place, "a.ptop")
        with targets.started([binary, SECONDS + 2], ready="ready") as target:
            watching = ["-p", str(target.pid), "-o", path, "-d", str(SECONDS), "-r", str(RATE_HZ)]
            limit_s = SECONDS + 60
            proftop.ok("record", *watching, "--engine", engine, timeout_s=limit_s)
            line = target.stdout.readline().decode()
        said = re.fullmatch(r"eintr (\d+) signals (\d+) (\d+) short (\d+)\n", line)
        assert said, line
        tap.note(line.strip())
        interrupted, sent, got, short = map(int, said.groups())
        samples = proftop.report(path)["samples"]
        tap.note("%d samples" % samples)
        assert samples > SECONDS * RATE_HZ, samples
        assert sent > SECONDS * 100, sent
        tap.equal((interrupted, short), (0, 0), "interrupted calls, short sleeps")
        tap.equal(got, sent, "signals")


tap.test("ptrace: no call is interrupted, no signal lost", "ptrace")(check_unnoticed)
tap.test("perf: no call is interrupted, no signal lost", "perf")(check_unnoticed)


@tap.test("kill -9 leaves nobody standing still")
def _():
    with targets.folder() as place:
        binary = targets.program("split", into=place)
        with targets.started([binary], ready="ready") as target:

            def state():
                return targets.thread_states(target.pid).get(target.pid)

            for attempt in range(5):
                path = os.path.join(place, "%d.ptop" % attempt)
                watching = ["-p", str(target.pid), "-o", path, "-r", "2000"]
                with proftop.started("record", *watching, "--engine", "ptrace") as recorder:
                    targets.wait_for(lambda: os.path.exists(path + ".part"), "the recording")
                    time.sleep(0.2 + attempt * 0.0317)
                    recorder.send_signal(signal.SIGKILL)
                    recorder.wait(10)
                # Seen running twice in a row: it may be caught in the moment of being let go.
                targets.wait_for(lambda: state() == "R", "the target to run")
                tap.equal(state(), "R", "state after kill -9")


tap.main()
