# SPDX-License-Identifier: GPL-2.0-or-later
"""A Python program whose split is known by construction, also below its Python frames: of its CPU
time count() has 50 %, in the interpreter; pack() 30 %, in zlib; query() 20 %, in SQLite.

    mixed.py [--burst-us N] [--pause-ms N] [--threads N]

Each function works for its share of a burst by its thread's own CPU clock, in pieces of about 100
microseconds (asking that clock takes 5 of them on some virtual machines), and says by how much it
has overrun, which is taken off next time; between two bursts it sleeps. A burst begins with a
function as often as its share says, and ends so: what a sampler that comes late misses at a burst's
edges is taken from each by its share. What is done around the functions is nobody's share. Prints `ready`, and runs until it is killed.
"""
import argparse
import random
import sqlite3
import sys
import threading
import time
import zlib

SHARES = {"count": 0.5, "pack": 0.3, "query": 0.2}
# Of these orders as often as the weights say; count() has the half, so it is always at an edge.
ORDERS = (
    ("count", "query", "pack"),
    ("count", "pack", "query"),
    ("pack", "query", "count"),
    ("query", "pack", "count"),
)
WEIGHTS = (0.3, 0.2, 0.3, 0.2)
DATA = bytes(bytearray(range(256))) * 100
own = threading.local()


def cpu_ns():
    return int(time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID) * 1e9)


def count(want_ns):
    until_ns = cpu_ns() + want_ns
    while cpu_ns() < until_ns:
        total = 0
        for i in range(2500):  # of count
            total += i * i  # of count
    return cpu_ns() - until_ns


def pack(want_ns):
    until_ns = cpu_ns() + want_ns
    while cpu_ns() < until_ns:
        zlib.compress(DATA, 6)  # of pack
    return cpu_ns() - until_ns


def query(want_ns):
    until_ns = cpu_ns() + want_ns
    sql = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 400) "
        "SELECT sum(x) FROM n"
    )
    if not hasattr(own, "base"):
        own.base = sqlite3.connect(":memory:")
    while cpu_ns() < until_ns:
        own.base.execute(sql).fetchone()  # of query
    return cpu_ns() - until_ns


def work(burst_ns, pause_s):
    debts = dict.fromkeys(SHARES, 0)
    while True:
        for name in random.choices(ORDERS, WEIGHTS)[0]:
            want_ns = burst_ns * SHARES[name] - debts[name]
            debts[name] = globals()[name](want_ns) if want_ns > 0 else -want_ns
        if pause_s:
            time.sleep(pause_s)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--burst-us", type=float, default=10000)
    parser.add_argument("--pause-ms", type=float, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    how = (options.burst_us * 1000, options.pause_ms / 1000)
    for _ in range(options.threads - 1):
        threading.Thread(target=work, args=how, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    work(*how)


main()
