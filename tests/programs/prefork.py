# A prefork server's shape: the parent waits, its children spin with known shares of a CPU. The
# arguments are the percents of the time that each child spins; each prints its pid when it starts.
import os
import sys
import time


def spin(until):
    while time.monotonic() < until:
        pass


def work(percent):
    while True:
        now = time.monotonic()
        spin(now + percent / 1000)
        time.sleep((100 - percent) / 1000)


def fork_child(percent):
    pid = os.fork()
    if pid == 0:
        work(percent)
    print(percent, pid, flush=True)
    return pid


def main():
    children = [fork_child(float(p)) for p in sys.argv[1:]]
    # A line on stdin: ends the first child and forks another in its place.
    for line in sys.stdin:
        os.kill(children[0], 9)
        os.waitpid(children[0], 0)
        children[0] = fork_child(float(line))
    for pid in children:
        os.kill(pid, 9)


main()
