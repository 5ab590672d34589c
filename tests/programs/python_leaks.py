# SPDX-License-Identifier: GPL-2.0-or-later
"""Leaks that hang on what is not a container, and one beside many older objects of its type.

Prints lines of TYPE PATH, the path being what proftop should say of the type's instances; then an
empty one, and objects of the type Entry are born until its input ends.
"""

import gc
import os
import sys
import threading
import weakref


class Entry(object):
    pass


class Request(object):
    pass


class Row(object):
    pass


class Node(object):
    def __init__(self, after):
        self.after = after


class Called(object):
    pass


class Loop(object):
    def __init__(self):
        self.me = self


class Plugin(object):
    pass


class Pause(object):
    def __await__(self):
        yield


def fail():
    request = Request()
    raise KeyError(request is None)


def kept_error():
    try:
        fail()
    except KeyError as error:
        return error


async def fetch():
    rows = [Row() for _ in range(300)]
    await Pause()
    return rows


async def handle():
    await fetch()


def said(kind, path):
    os.write(1, ("%s %s\n" % (kind, path)).encode())


def leak():
    while not ended.wait(0.01):
        for _ in range(5):
            fresh.append(Entry())


M = "module __main__."
old = [Entry() for _ in range(5000)]
fresh = []
errors = [kept_error() for _ in range(300)]
task = handle()
task.send(None)
head = None
for _ in range(6000):
    head = Node(head)
owner = Entry()
watchers = [weakref.ref(owner, Called().__eq__) for _ in range(300)]
values = weakref.WeakValueDictionary(enumerate(old))
plugins = [type("Plugin%d" % i, (Plugin,), {"loaded": Row}) for i in range(300)]
gc.disable()
for _ in range(300):
    Loop()
said("__main__.Request", M + "errors (list, 300 items) -> KeyError -> traceback -> traceback -> frame local request of fail() -> __main__.Request")
said("__main__.Row", M + "task -> coroutine local rows of fetch() (list, 300 items) -> __main__.Row")
said("__main__.Called", M + "watchers (list, 300 items) -> %s -> method-wrapper -> __main__.Called" % type(watchers[0]).__name__.replace("R", "weakref.R"))
said("weakref.KeyedRef", M + "values .data (dict, 5,000 entries) -> weakref.KeyedRef")
said("__main__.Loop", "nothing that Python reaches, 48 of 48: garbage or C's")
said("__main__.Entry", M + "old (list, 5,000 items) -> __main__.Entry")
ended = threading.Event()
leaking = threading.Thread(target=leak)
leaking.start()
os.write(1, b"\n")
sys.stdin.read()
ended.set()
leaking.join()
