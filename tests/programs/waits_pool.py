# SPDX-License-Identifier: GPL-2.0-or-later
"""Pools of processes: workers that have nothing to do, and what is waited for beside them.

The workers are forked where a function says whose they are: under an event loop, in a thread.
Prints "ready" when all have been started."""

import asyncio
import concurrent.futures
import multiprocessing
import socket
import threading
import time


async def start_under_loop():
    loop = asyncio.get_event_loop()
    executor = concurrent.futures.ProcessPoolExecutor(1)
    await loop.run_in_executor(executor, abs, -1)
    started.append(executor)
    fork_under_loop()
    ready.release()
    await asyncio.sleep(1000)


def fork_under_loop():
    pool = multiprocessing.Pool(1)
    started.append(pool)
    pool.apply(abs, (-1,))


def run_loop():
    asyncio.new_event_loop().run_until_complete(start_under_loop())


def start_pool():
    pool = multiprocessing.Pool(2)
    started.append(pool)
    pool.map(abs, range(8))
    ready.release()
    ask_pool(pool)


def ask_pool(pool):
    pool.map(time.sleep, [1000])


def take_lock():
    lock = multiprocessing.Lock()
    lock.acquire()
    ready.release()
    lock.acquire()


def accept_in_time():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(1)
        door.settimeout(1000)
        ready.release()
        door.accept()


def ask_names():
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(server.getsockname())
            client.settimeout(1000)
            ready.release()
            client.recv(16)


started = []
ready = threading.Semaphore(0)
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    # One after the other: a fork takes what others do at that moment with it.
    for function in (start_pool, run_loop, take_lock, accept_in_time, ask_names):
        threading.Thread(target=function, name=function.__name__, daemon=True).start()
        ready.acquire()
    print("ready", flush=True)
    while True:
        time.sleep(1000)
