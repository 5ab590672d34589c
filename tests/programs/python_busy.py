# SPDX-License-Identifier: GPL-2.0-or-later
"""Never waits: short calls and generators in a few known chains (tests/unit/python_live.c)."""
import sys


def leaf_a():
    return 1


def call_a():
    return leaf_a()


def leaf_b():
    return 2


def call_b():
    return leaf_b()


def left(n):
    for _ in range(n):
        call_a()


def right(n):
    for _ in range(n):
        call_b()


def generate(n):
    for _ in range(n):
        yield call_b()


def main():
    while True:
        left(10)
        right(10)
        for _ in generate(10):
            call_a()


sys.stdout.write("ready\n")
sys.stdout.flush()
main()
