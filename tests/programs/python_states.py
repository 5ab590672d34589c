# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads that wait, each in a state that its name tells (tests/unit/python_live.c), once the names
were given: some of them late. Says "ready" when all wait.
"""
import gc
import os
import sys
import threading

started = threading.Semaphore(0)
pipe, _ = os.pipe()


def wait():
    started.release()
    os.read(pipe, 1)


def plain():
    wait()


def handler():
    try:
        raise ValueError
    except ValueError:
        wait()


def generated():
    try:
        raise ValueError
    except ValueError:
        for _ in generate():
            pass


def generate():
    yield 1
    wait()


def within():
    for _ in generate_handler():
        pass


def generate_handler():
    yield 1
    try:
        raise ValueError
    except ValueError:
        wait()


def over():
    try:
        raise ValueError
    except ValueError:
        pass
    wait()


class Named(threading.Thread):
    def __init__(self, **arguments):
        self.before = 1  # the attributes are not in the usual order
        super().__init__(**arguments)


threads = [
    threading.Thread(target=plain, name="plain"),
    threading.Thread(target=handler, name="handles-a"),
    threading.Thread(target=generated, name="handles-b"),
    Named(target=within, name="handles-c"),
    threading.Thread(target=over, name="plain-over"),
    Named(target=plain, name="plain-\u00e9\u4e16"),
    threading.Thread(target=plain),
]
for thread in threads:
    thread.daemon = True
    thread.start()
for thread in threads:
    started.acquire()
vars(threads[0])  # a dict is made of its attributes
threads[-1].name = "plain-late"
gc.collect()
sys.stdout.write("ready\n")
sys.stdout.flush()
os.read(0, 1)
