# SPDX-License-Identifier: GPL-2.0-or-later
"""Two threads that wait, each in an interpreter of its own (tests/unit/python_live.c). Says "ready"
when both do."""
import os
import sys
import threading

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

SOURCE = """
import os
class Planted(object):
    pass
planted = [Planted() for _ in range(1000)]
def wait_in_it():
    os.write(%d, b"x")
    os.read(%d, 1)
wait_in_it()
"""


def run_in_it(write):
    run = getattr(interpreters, "run_string", None) or interpreters.exec
    run(interpreters.create(), SOURCE % (write, hold))


def say_when_both_wait():
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        return write
    os.close(write)
    os.read(read, 1)
    os.read(read, 1)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os._exit(0)


hold, _ = os.pipe()
write = say_when_both_wait()
threading.Thread(target=run_in_it, args=(write,), daemon=True).start()
run_in_it(write)
