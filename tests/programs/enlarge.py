# SPDX-License-Identifier: GPL-2.0-or-later
"""A heap that grows by big blocks from one line, and by a bytearray that grows from another.
Prints "ready", and ends with its input."""
import select
import sys

kept = []
growing = bytearray(8 << 20)


def map_more():
    kept.append(bytearray(200 << 10))


def extend():
    growing.extend(b"x" * (100 << 10))


def main():
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        map_more()
        extend()


main()
