# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory made to mislead whoever reads a heap from outside: heads of pools, of malloc's heaps and
chunks, types and objects with nonsense in them. Prints a line and waits.
"""

import ctypes
import mmap
import os
import random
import struct

SIZE = 1 << 20
random.seed(20)


class Real(object):
    pass


def address_of(area):
    return ctypes.addressof(ctypes.c_char.from_buffer(area))


def put(area, at, *words):
    struct.pack_into("<%dQ" % len(words), area, at, *[word & (1 << 64) - 1 for word in words])


def type_words(address, base, itself):
    """A type by its own word: sizes, flags and dicts that lead anywhere."""
    words = [1, itself, 0, address + 8, random.choice([16, 48, 1 << 62]), random.choice([0, 8])]
    words += [address] * 15 + [random.choice([1 << 12 | 1 << 14 | 1 << 9, (1 << 32) - 1])]
    words += [address + 64 * n for n in range(10)] + [base, address, 0, 0, 1 << 63]
    return words


areas = [mmap.mmap(-1, SIZE) for _ in range(3)]
real = [Real() for _ in range(1000)]
for area in areas:
    start = address_of(area)
    for at in range(0, SIZE, 8):
        kind = random.randrange(40)
        if kind == 0:
            put(area, at, start + random.randrange(SIZE) // 8 * 8)
        elif kind == 1:
            put(area, at, id(random.choice([Real, int, str, type, dict, list, tuple, set])))
        elif kind == 2:
            put(area, at, random.getrandbits(64))
        elif kind == 3:
            put(area, at, random.randrange(1, 5000) * 16 | random.randrange(16))
    for page in range(0, SIZE - 8192, 4096):
        kind = random.randrange(4)
        if kind == 0:  # a pool, whose free list may lead out of it
            size = random.randrange(1, 32) * 16
            end = random.choice([4096, 16384]) - size
            put(area, page, random.randrange(40), start + page + random.randrange(0, 5000))
            put(area, page + 32, (size // 16 - 1) << 32, end << 32 | 48 + size * random.randrange(6))
        elif kind == 1:  # a chunk with a mapping of its own
            put(area, page, 0, random.choice([65536, 1 << 40, SIZE, 131072 - 16]) | 2)
        elif kind == 2:  # types whose bases and metatypes are each other
            words = type_words(start + page, start + (page + 4096) % SIZE, id(type))
            put(area, page, *words)
    for at in range(64, 8192, 64):
        put(area, at, 1, start + 4096 * random.randrange(SIZE // 4096))
# A heap of malloc's at 64 MiB, whose chunks are nonsense.
wide = mmap.mmap(-1, 1 << 27)
at = -address_of(wide) % (1 << 26)
put(wide, at, address_of(wide) // 16 * 16, 0, 1 << 20, 1 << 20)
for offset in range(64, 1 << 16, 16):
    put(wide, at + offset, 0, random.choice([0, 33, 1 << 19 | 1, (1 << 64) - 1]))
os.write(1, b"ready\n")
os.read(0, 1)
