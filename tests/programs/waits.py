# SPDX-License-Identifier: GPL-2.0-or-later
"""Python threads that are blocked, each on something known and in a function of its own.

Usage: waits.py SILENT_PORT, which accepts and never answers. Prints "ready" when they all wait."""

import asyncio
import queue
import socket
import sys
import threading
import time

lock = threading.Lock()
started = threading.Barrier(11)


def hold_lock():
    with lock:
        started.wait()
        while True:
            time.sleep(1000)


def want_lock():
    started.wait()
    with lock:
        pass


def ask_server():
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
        started.wait()
        server.recv(16)


def ask_patiently():
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
        server.settimeout(1000)
        started.wait()
        server.recv(16)


def wait_for_work():
    started.wait()
    queue.Queue().get()


def join_holder(holder):
    started.wait()
    holder.join()


def run_loop():
    loop = asyncio.new_event_loop()
    started.wait()
    loop.run_until_complete(asyncio.sleep(1000))


def burn():
    started.wait()
    n = 0
    while True:
        n += 1


def run(function, *args):
    thread = threading.Thread(target=function, args=args, name=function.__name__, daemon=True)
    thread.start()
    return thread


holder = run(hold_lock)
for function in (ask_server, ask_patiently, wait_for_work, run_loop, burn, burn, burn):
    run(function)
run(join_holder, holder)
while not lock.locked():
    time.sleep(0.01)
run(want_lock)
started.wait()
print("ready", flush=True)
while True:
    time.sleep(1000)
