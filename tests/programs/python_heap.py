# SPDX-License-Identifier: GPL-2.0-or-later
"""A heap whose contents are known: planted objects, then what the collector's own list says.

Each newline on standard input is answered by lines of TYPE COUNT and an empty one, after which it
blocks in a read: what is seen from outside must be the same. Of what the collector does not track
only the planted objects are named, each of a class of its own. On "c" it makes and drops objects
until the next byte comes. Arguments: "frozen" has all objects in the permanent generation.
"""

import collections
import gc
import os
import select
import sys
import threading

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


class InThread(Wide):
    __slots__ = ()


class Text(str):
    __slots__ = ()


class Blob(bytes):
    __slots__ = ()


class Number(int):
    __slots__ = ()


class Real(float):
    __slots__ = ()


class Pair(complex):
    __slots__ = ()


UNTRACKED = {"Text": PLANTED, "Blob": PLANTED // 4 + 20, "Number": PLANTED, "Real": PLANTED, "Pair": 10}
# Of these the collector tracks some only: what it lists is a part of what there is.
SOMETIMES = ("tuple", "dict")


def plant():
    planted = {
        "orders": [Order(i) for i in range(PLANTED)],
        "slotted": [Slotted(i) for i in range(PLANTED)],
        "empty": [Empty() for _ in range(PLANTED)],
        "wide": [Wide() for _ in range(PLANTED // 10)],
        "texts": [Text("planted-%d" % i) for i in range(PLANTED)],
        "reals": [Real(i + 0.5) for i in range(PLANTED)],
        "numbers": [Number(10 ** 12 + i) for i in range(PLANTED)],
        "blobs": [Blob(10000) for _ in range(PLANTED // 4)],
        "mapped blobs": [Blob(size * 50000) for size in range(20)],
        "pairs": [Pair(i, 1) for i in range(10)],
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
    return planted


def plant_in_thread(planted):
    planted["thread"] = [InThread() for _ in range(PLANTED // 10)]


def name_of(kind):
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return "%s.%s" % (kind.__module__, kind.__qualname__)


def answer():
    counts = {}
    for item in gc.get_objects():
        counts[type(item)] = counts.get(type(item), 0) + 1
    del item
    names = {}
    for kind, count in counts.items():
        names[name_of(kind)] = names.get(name_of(kind), 0) + count
    names.update(("__main__." + name, count) for name, count in UNTRACKED.items())
    text = "".join("%s %d\n" % pair for pair in sorted(names.items()) if pair[0] not in SOMETIMES)
    os.write(1, (text + "\n").encode())


def churn():
    while not select.select([0], [], [], 0)[0]:
        rows = [{"a": [i, (i, str(i))], "b": float(i)} for i in range(200)]
        del rows


def main():
    planted = plant()
    thread = threading.Thread(target=plant_in_thread, args=(planted,))
    thread.start()
    thread.join()
    del thread
    gc.collect()
    gc.disable()
    if sys.argv[1:] == ["frozen"]:
        answer_frozen()
    while True:
        asked = os.read(0, 1)
        if not asked:
            break
        if asked == b"c":
            os.write(1, b"\n")
            churn()
        elif asked == b"\n":
            answer()


def answer_frozen():
    """What the collector lists before it lists nothing: the same objects."""
    os.read(0, 1)
    answer()
    gc.freeze()
    os.write(1, b"\n")


main()
