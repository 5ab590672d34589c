# SPDX-License-Identifier: GPL-2.0-or-later
"""A heap in which much comes and goes and 1 MB/s of small objects stays.
leak_line.py [SECONDS [TABLE]]: TABLE times 2 KB come and go. Prints "ready" and, at the end, "rounds/s N"."""
import sys
import time

TABLE = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
kept = []
table = {}


def leak(number):
    kept.append("session-%d-%s" % (number, "x" * 60))       # LEAK


def churn(number):
    words = [str(number + i) for i in range(20)]
    table[number % TABLE] = words                           # CHURN
    return {word: len(word) for word in words}


def main():
    end = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else 3600)
    began = time.monotonic()
    leaked = rounds = 0
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        if now >= end:
            break
        # 128 bytes each
        while leaked < (now - began) * 8192:
            leak(leaked)
            leaked += 1
        for _ in range(20):
            churn(rounds)
            rounds += 1
    print("rounds/s %.0f" % (rounds / (now - began)), flush=True)


main()
