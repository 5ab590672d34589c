# SPDX-License-Identifier: GPL-2.0-or-later
"""A heap whose contents are known: planted objects, then what the collector's own list says.

Each line on standard input is answered by this heap's numbers (TYPE COUNT, then an empty line),
after which it blocks in a read: what one sees from outside must be the same. With "churn" it makes
and drops objects all the time until the next line comes.
"""

import collections
import gc
import os
import select
import sys

PLANTED = 10000


class Order(object):
    def __init__(self, number):
        self.number = number
        self.name = "order-%d-of-many" % number


class Slotted(object):
    __slots__ = ("a", "b")

    def __init__(self, number):
        self.a = number
        self.b = None


class Empty(object):
    pass


class OrderDict(dict):
    pass


class Wide(object):
    __slots__ = tuple("slot%d" % i for i in range(100))


def plant():
    return {
        "orders": [Order(i) for i in range(PLANTED)],
        "slotted": [Slotted(i) for i in range(PLANTED)],
        "empty": [Empty() for _ in range(PLANTED)],
        "wide": [Wide() for _ in range(PLANTED // 10)],
        "strs": ["planted-%d" % i for i in range(PLANTED)],
        "floats": [i + 0.5 for i in range(PLANTED)],
        "ints": [10 ** 12 + i for i in range(PLANTED)],
        "bytes": [bytes(10000) for _ in range(PLANTED // 4)],
        "complexes": [complex(i, 1) for i in range(PLANTED)],
        "tuples": [(i, i) for i in range(PLANTED)],
        "long tuples": [tuple(range(100)) for _ in range(PLANTED // 10)],
        "lists": [[i] for i in range(PLANTED)],
        "sets": [{i} for i in range(PLANTED)],
        "dicts": [{i: i} for i in range(PLANTED)],
        "dict of one's own": [OrderDict(a=i) for i in range(100)],
        "long": collections.deque(range(50000)),
        "long dict": {i: i for i in range(60000)},
        "long set": set(range(70000)),
        "long bytearray": bytearray(80000),
    }


def name_of(kind):
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else "%s.%s" % (kind.__module__, kind.__qualname__)
    )


def answer():
    counts = collections.Counter(map(type, gc.get_objects()))
    names = {}
    for kind, count in counts.items():
        name = name_of(kind)
        names[name] = names.get(name, 0) + count
    text = "".join("%s %d\n" % item for item in sorted(names.items())) + "\n"
    del counts, names
    os.write(1, text.encode())


def churn():
    while not select.select([0], [], [], 0)[0]:
        rows = [{"a": [i, (i, str(i))], "b": float(i)} for i in range(200)]
        del rows


planted = plant()
gc.collect()
gc.disable()
if sys.argv[1:] == ["frozen"]:
    gc.freeze()
while True:
    line = os.read(0, 1)
    if not line:
        break
    if line == b"c":
        os.write(1, b"churning\n\n")
        churn()
    elif line == b"\n":
        answer()
