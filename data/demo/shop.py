# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's service: a small web shop with the faults of a real incident.

It answers slowly while its CPU is half idle, and it grows. Why, proftop should tell:

- get_products() asks the database once for the list and then once for every product in it;
- normalize_name() builds strings a character at a time and looks each one up by hand;
- recommend() compares everything with everything;
- Cache keeps an entry for each visitor and product, and forgets none;
- refresh_bestsellers() is a coroutine that waits for the database without `await`, and so
  holds up everything else on its event loop for 0.3 s;
- an order with a coupon that nobody knows is answered with an HTTP 500;
- rebuild_report() ranks all products once a minute, on a thread that starts for it and ends
  after some seconds: a burst of CPU that no average shows.

A main thread accepts, a few workers answer (a queue stands between them), one thread runs
the event loop.

    shop.py PARENT_PID DB_PORT [REPORT_AFTER_S]        prints `port N` once it listens
"""

import asyncio
import json
import queue
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import lifeline

WORKERS = 6
QUEUE_LENGTH = 64
REFRESH_S = 2.0
REPORT_AFTER_S = 40.0  # the first one
REPORT_EVERY_S = 60.0
REPORT_WORK_S = 4.0

LETTERS = (
    ("á", "a"), ("à", "a"), ("â", "a"), ("å", "a"), ("ä", "ae"), ("ç", "c"), ("é", "e"),
    ("è", "e"), ("ê", "e"), ("ë", "e"), ("í", "i"), ("î", "i"), ("ï", "i"), ("ñ", "n"),
    ("ó", "o"), ("ô", "o"), ("ö", "oe"), ("ú", "u"), ("û", "u"), ("ü", "ue"), ("ß", "ss"),
    ("Á", "a"), ("À", "a"), ("Å", "a"), ("Ä", "ae"), ("Ç", "c"), ("É", "e"), ("È", "e"),
    ("Í", "i"), ("Ñ", "n"), ("Ó", "o"), ("Ö", "oe"), ("Ú", "u"), ("Ü", "ue"), (" ", "-"),
    (",", ""), (".", ""),
)  # fmt: skip


class Cache:
    """Product pages, by visitor. Nothing ever leaves it, and hardly anything is asked twice."""

    def __init__(self):
        self._cache = {}

    def get_data(self, key):
        return self._cache.get(key)

    def put_data(self, key, data):
        self._cache[key] = data


class Connection:
    """A connection to the database, for one thread."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def query_database(self, query, *args):
        request = json.dumps({"query": query, "args": args})
        self.socket.sendall(request.encode() + b"\n")
        answer = self.socket.recv(65536)
        while not answer.endswith(b"\n"):
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the database has gone")
            answer += more
        return json.loads(answer)


def normalize_name(name):
    """A name as it stands in an address: lower case, no accents, dashes for spaces."""
    normalized = ""
    for character in name:
        for letter, plain in LETTERS:
            if character == letter:
                character = plain
        normalized = normalized + character.lower()
    return normalized


def similarity(one, other):
    """How much two products have in common."""
    total = 0.0
    for index in range(len(one)):
        total += one[index] * other[index]
    return total


class Shop:
    """What the shop can do; one for each worker, as each has its own connection."""

    def __init__(self, connection, cache, features):
        self.connection = connection
        self.cache = cache
        self.features = features

    def get_product(self, visitor, product):
        key = "visitor/%s/product/%s" % (visitor, product)
        page = self.cache.get_data(key)
        if page is None:
            rows = self.connection.query_database("product", product)
            number, name, price = rows[0]
            page = "/shop/%s-%d?price=%.2f" % (normalize_name(name), number, price)
            self.cache.put_data(key, page)
        return page

    def get_products(self, visitor, category):
        products = self.connection.query_database("category", category)
        return [self.get_product(visitor, product) for (product,) in products]

    def recommend(self, visitor):
        history = self.connection.query_database("history", int(visitor) % 400)
        scores = []
        for product, vector in self.features.items():
            score = 0.0
            for (bought,) in history:
                score += similarity(vector, self.features[bought])
            scores.append((score, product))
        scores.sort(reverse=True)
        return [self.get_product(visitor, product) for _, product in scores[:20]]

    def place_order(self, visitor, category, coupon):
        total = 0.0
        for (product,) in self.connection.query_database("category", category):
            in_stock = self.connection.query_database("stock", product)[0][0]
            if in_stock:
                page = self.get_product(visitor, product)
                total += float(page.rpartition("=")[2])
        percent = self.connection.query_database("coupon", coupon)[0][0]
        return {"total": total * (100 - percent) / 100}


def rank_products(features):
    """How popular each product might become: as dear as it is useless."""
    ranks = {}
    for product, vector in features.items():
        rank = 0.0
        for weight in vector:
            rank = rank * 0.5 + weight
        ranks[product] = rank
    return sorted(ranks, key=ranks.get)


def rebuild_report(features, seconds):
    """The report for the management, ranked again and again until it is time to stop."""
    lifeline.name_thread("report")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rank_products(features)


class Handler(BaseHTTPRequestHandler):
    """One request, on a worker's thread."""

    def do_GET(self):
        url = urlsplit(self.path)
        fields = {name: values[0] for name, values in parse_qs(url.query).items()}
        try:
            status, answer = 200, self.answer(url.path, fields)
        except LookupError as error:
            status, answer = 500, {"error": repr(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, path, fields):
        shop = self.server.shops.shop
        if path == "/products":
            return shop.get_products(fields["visitor"], int(fields["category"]))
        if path == "/recommend":
            return shop.recommend(fields["visitor"])
        if path == "/order":
            return shop.place_order(fields["visitor"], int(fields["category"]), fields["coupon"])
        raise LookupError(path)

    def log_message(self, format, *args):
        """Say nothing: the terminal belongs to who watches."""


class Service(HTTPServer):
    """Accepts on the main thread and hands each connection to the workers' queue."""

    request_queue_size = 64

    def __init__(self, database_port, report_after_s):
        super().__init__(("127.0.0.1", 0), Handler)
        self.report_due = time.monotonic() + report_after_s
        self.waiting = queue.Queue(QUEUE_LENGTH)
        self.cache = Cache()
        self.shops = threading.local()
        features = Connection(database_port).query_database("features")
        self.features = {product: json.loads(vector) for product, vector in features}
        for number in range(1, WORKERS + 1):
            worker = threading.Thread(
                target=self.work, args=("worker-%d" % number, database_port), daemon=True
            )
            worker.start()

    def service_actions(self):
        """Called by the accept loop, at least twice a second."""
        if time.monotonic() < self.report_due:
            return
        self.report_due += REPORT_EVERY_S
        report = threading.Thread(
            target=rebuild_report, args=(self.features, REPORT_WORK_S), daemon=True
        )
        report.start()

    def process_request(self, request, client_address):
        self.waiting.put((request, client_address))

    def work(self, name, database_port):
        lifeline.name_thread(name)
        self.shops.shop = Shop(Connection(database_port), self.cache, self.features)
        while True:
            request, client_address = self.waiting.get()
            try:
                self.finish_request(request, client_address)
            except OSError:
                pass  # the client has hung up
            finally:
                self.shutdown_request(request)


class Bestsellers:
    """What the front page shows, kept fresh on an event loop."""

    def __init__(self, database_port):
        self.connection = Connection(database_port)
        self.products = []
        self.beats = 0

    async def refresh_bestsellers(self):
        while True:
            self.products = self.connection.query_database("sales_report")
            await asyncio.sleep(REFRESH_S)

    async def heartbeat(self):
        """What should go on 20 times a second, and does not while the loop is blocked."""
        while True:
            self.beats += 1
            await asyncio.sleep(0.05)

    async def run_tasks(self):
        await asyncio.gather(self.refresh_bestsellers(), self.heartbeat())

    def run(self):
        lifeline.name_thread("event-loop")
        asyncio.run(self.run_tasks())


def main():
    lifeline.end_with_parent(int(sys.argv[1]))
    database_port = int(sys.argv[2])
    report_after_s = float(sys.argv[3]) if len(sys.argv) > 3 else REPORT_AFTER_S
    service = Service(database_port, report_after_s)
    threading.Thread(target=Bestsellers(database_port).run, daemon=True).start()
    print("port", service.server_address[1], flush=True)
    service.serve_forever()


if __name__ == "__main__":
    main()
