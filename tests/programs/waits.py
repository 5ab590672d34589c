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
rlock, first, second = threading.RLock(), threading.RLock(), threading.RLock()
started = threading.Barrier(10)
crossed = threading.Barrier(2)


def hold_lock():
    with lock, rlock:
        started.wait()
        while True:
            time.sleep(1000)


def want_lock():
    with lock:
        pass


def want_rlock():
    with rlock:
        pass


def cross_over():
    with first:
        crossed.wait()
        with second:
            pass


def cross_back():
    with second:
        crossed.wait()
        with first:
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
started.wait()
for function in (want_lock, want_lock, want_rlock, cross_over, cross_back):
    run(function)
print("ready", flush=True)
while True:
    time.sleep(1000)
