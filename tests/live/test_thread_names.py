# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of threads: Python's, the kernel's, and those that change while they are watched."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets

PROGRAM = """
import ctypes, sys, threading, time

def work(comm):
    if comm:
        ctypes.CDLL(None).prctl(15, comm, 0, 0, 0)
    while True:
        time.sleep(0.01)

names = [("from-python", None), (None, b"from-prctl"), ("before", None)]
threads = [
    threading.Thread(target=work, args=(comm,), name=name, daemon=True) for name, comm in names
]
for thread in threads:
    thread.start()
time.sleep(0.1)
print("ready", flush=True)
time.sleep(1.5)
threads[2].name = "after"
ctypes.CDLL(None).prctl(15, b"main-late", 0, 0, 0)
time.sleep(60)
"""


def check(python):
    with targets.folder() as place:
        recording = os.path.join(place, "names.ptop")
        command = [*python.command, "-c", PROGRAM]
        with targets.started(command, ready="ready") as process:
            proftop.run("record", "-p", str(process.pid), "-d", "4", "-o", recording)
        rows = proftop.report(recording, "threads")["rows"]
    names = {row["name"] for row in rows}
    for name in ("from-python", "from-prctl", "after"):
        assert name in names, "%s is not among %s" % (name, sorted(names))


for python in targets.pythons():
    rare = targets.is_one_of_many(python)
    slow = python.path != "/usr/bin/python3"
    tap.test("Python %s" % python.label, python, slow=slow, rare=rare)(check)
tap.main()
