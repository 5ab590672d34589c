# SPDX-License-Identifier: GPL-2.0-or-later
"""Short functions whose callers are known, for reading a thread that is not stopped: each name says
who may call it (a_... only a, and so on). What each branch takes of the time is told by wall clock
over many turns, since no profiler can say it: "N N N" on standard output, per mille of three
branches, then it goes on for ever. Arguments: how deep, and "plain" for neither calls by C nor
generators.
"""
import sys
import time


def a_tiny():
    return 1


def a_work(n):
    a_tiny()
    for _ in range(n):
        pass
    a_tiny()


def b_tiny():
    return 1


def b_work(n):
    b_tiny()
    for _ in range(n):
        pass
    b_tiny()


def c_tiny():
    return 1


def c_work(n):
    c_tiny()
    for _ in range(n):
        pass
    c_tiny()


def a(n):
    a_work(n)
    a_tiny()


def b(n):
    b_work(n)
    b_tiny()


def c(n):
    c_work(n)
    c_tiny()


def d_tiny(x):
    return x


def d(n):
    sum(map(d_tiny, n))
    sorted(n, key=d_tiny)


def e_tiny():
    return 1


def e_generate(n):
    for _ in range(n):
        yield e_tiny()


def e(n):
    for _ in e_generate(n):
        e_tiny()


def deep(depth, n):
    if depth:
        return deep(depth - 1, n)
    while n:
        a(60)
        b(22)
        c(1)
        if mixed:
            d((2, 1))
            e(3)
        n -= 1


def turns(function, count, n):
    start = time.perf_counter()
    for _ in range(count):
        function(n)
    return time.perf_counter() - start


def measure():
    best = [1e9] * 3
    for _ in range(10):
        for i, (function, n) in enumerate(((a, 60), (b, 22), (c, 1))):
            best[i] = min(best[i], turns(function, 1000, n))
    whole = sum(best)
    return [round(1000 * part / whole) for part in best]


mixed = "plain" not in sys.argv
sys.stdout.write("%d %d %d\n" % tuple(measure()))
sys.stdout.flush()
while True:
    deep(int(sys.argv[1]) if len(sys.argv) > 1 else 3, 20000)
