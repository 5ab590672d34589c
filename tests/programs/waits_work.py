# SPDX-License-Identifier: GPL-2.0-or-later
"""Waits that look alike and are not: of an event loop, of requests, of workers, of their children.

Prints "ready" when all have been started."""

import asyncio
import fcntl
import http.server
import queue
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

pool = queue.Queue()
full = queue.Queue(maxsize=1)
permits = threading.Semaphore(0)
full.put(0)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        take_connection() if self.path == "/pool" else convert()

    def log_message(self, *args):
        pass


def take_connection():
    pool.get()


def convert():
    subprocess.call(["sleep", "1000"])


def block_loop():
    time.sleep(1000)


async def handler():
    block_loop()


def run_loop():
    asyncio.new_event_loop().run_until_complete(handler())


def work():
    queue.Queue().get()


def feed():
    full.put(1)


def take_permit():
    permits.acquire()


def supervise():
    subprocess.Popen(["sleep", "1000"]).wait()


def lock_table():
    with open(table.name, "w") as again:
        fcntl.lockf(again, fcntl.LOCK_EX)


def ask(path):
    urllib.request.urlopen("http://127.0.0.1:%d%s" % (server.server_address[1], path))


def run(function, *args):
    threading.Thread(target=function, args=args, name=function.__name__, daemon=True).start()


table = tempfile.NamedTemporaryFile(suffix=".table")
holder = subprocess.Popen(
    [sys.executable, "-c", "import fcntl, sys, time\nf = open(sys.argv[1], 'w')\n"
     "fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); time.sleep(1000)",
     table.name],
    stdout=subprocess.PIPE,
)
holder.stdout.readline()
server = Server(("127.0.0.1", 0), Handler)
run(server.serve_forever)
for function in (run_loop, work, feed, take_permit, supervise, lock_table):
    run(function)
for path in ("/pool", "/child"):
    run(ask, path)
print("ready", flush=True)
while True:
    time.sleep(1000)
