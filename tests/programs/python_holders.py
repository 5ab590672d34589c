# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers that grow, each held in another way; their addresses are printed, then it waits.

Lines of HOW ADDRESS PATH: the path is what proftop should say of it.
"""

import collections
import os
import sys


class Entry(object):
    def __init__(self, number):
        self.text = "entry-%d" % number


class Cache(object):
    _instance = None
    shared = {}

    def __init__(self):
        self._cache = {}

    @classmethod
    def get(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance


class Holder(object):
    __slots__ = ("entries", "other")

    def __init__(self):
        self.entries = collections.deque()
        self.other = None


class Mixed(list):
    """An instance with items, a slot's base and attributes."""

    def __init__(self):
        list.__init__(self)
        self.table = {}


class Method(object):
    def __init__(self):
        self.seen = set()

    def note(self, item):
        self.seen.add(item)


def counting():
    seen = []

    def count(item):
        seen.append(item)
        return len(seen)

    return count, seen


def defaulted(item, known={}):
    known[item] = item
    return known


def generate():
    pending = [0] * 7
    while True:
        yield pending


def said(how, container, path):
    os.write(1, ("%s %d %s\n" % (how, id(container), path)).encode())


class Pause(object):
    def __await__(self):
        yield


async def consume():
    kept = [0] * 9
    said("coroutine", kept, M + ".running['one'] local kept of consume() (list, 9 items)")
    await Pause()
    return kept


def wait(entries):
    local_list = [Entry(i) for i in range(300)]
    said("local", local_list, "local local_list of wait() (list, 300 items)")
    del entries
    os.write(1, b"\n")
    sys.stdin.read()
    return local_list


holder = Holder()
count, seen = counting()
generator = generate()
mixed = Mixed()
nested = [None, {"deep": (1, {"deeper": []})}]
method = Method()
callback = method.note
del method
for number in range(2000):
    Cache.get()._cache["key-%d" % number] = Entry(number)
    Cache.shared[number] = number
    holder.entries.append(str(number) * 3)
    count(number)
    defaulted(number)
    mixed.table[number] = 0.5 * number
    callback(number)
    nested[1]["deep"][1]["deeper"].append(number)
M = "module __main__"
said("singleton", Cache.get()._cache, M + ".Cache._instance ._cache (dict, 2,000 entries)")
said("class", Cache.shared, M + ".Cache.shared (dict, 2,000 entries)")
said("slot", holder.entries, M + ".holder .entries (collections.deque, 2,000 items)")
said("subclass", mixed.table, M + ".mixed .table (dict, 2,000 entries)")
said("closure", seen, M + ".count closure seen (list, 2,000 items)")
said("default", defaulted(0), M + ".defaulted default argument (dict, 2,000 entries)")
said("nested", nested[1]["deep"][1]["deeper"], M + ".nested[1]['deep'][1]['deeper'] (list, 2,000 items)")
said("bound", callback.__self__.seen, M + ".callback -> __main__.Method .seen (set, 2,000 items)")
said("generator", next(generator), M + ".generator local pending of generate() (list, 7 items)")
running = {"one": consume()}
running["one"].send(None)
del seen
wait([])
