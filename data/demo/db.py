# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's database: SQLite behind a TCP port of its own on loopback.

One line of JSON asks a query by its name, one line answers with the rows. Each query takes
about 3 ms, as one over a network and a busy disk does, so that who asks 100 of them for one
page feels it. Clients name a query and never send SQL: the port is open to the whole machine.

    db.py PARENT_PID        prints `port N` once it listens
"""

import json
import random
import socketserver
import sqlite3
import sys
import threading
import time

import lifeline

DISK_S = 0.003  # what a query waits for its pages
REPORT_S = 0.3  # what the report that walks all sales waits
PRODUCTS = 1200
FEATURES = 16
VISITORS = 400

QUERIES = {
    "category": "SELECT id FROM product WHERE category = ? ORDER BY id",
    "product": "SELECT id, name, price FROM product WHERE id = ?",
    "stock": "SELECT count FROM stock WHERE product = ?",
    "history": "SELECT product FROM sale WHERE visitor = ? ORDER BY id DESC LIMIT 20",
    "features": "SELECT product, vector FROM feature",
    "coupon": "SELECT percent FROM coupon WHERE code = ?",
    "sales_report": "SELECT product, count(*) FROM sale GROUP BY product ORDER BY 2 DESC LIMIT 5",
}

# How many products each category has: a page of the largest takes about 0.8 s.
CATEGORY_SIZES = (16, 24, 32, 40, 56, 72, 120)


def fill(database):
    """Make the shop's tables, the same ones each time."""
    rng = random.Random(2)
    nouns = ("Kaffeemühle", "Théière", "Übertopf", "Crêpière", "Señorita-Lampe", "Smörgåsbrett")
    kinds = ("Édition Limitée", "Großpackung", "für Café und Bar", "Año Nuevo", "naïve Übergröße")
    places = ("Façonnerie de Besançon", "Manufaktur Schönau-Görlitz", "Taller de la Muñeca, Logroño")
    database.executescript(
        "CREATE TABLE product(id INTEGER PRIMARY KEY, category INT, name TEXT, price REAL);"
        "CREATE INDEX product_category ON product(category);"
        "CREATE TABLE stock(product INTEGER PRIMARY KEY, count INT);"
        "CREATE TABLE feature(product INTEGER PRIMARY KEY, vector TEXT);"
        "CREATE TABLE sale(id INTEGER PRIMARY KEY, visitor INT, product INT);"
        "CREATE INDEX sale_visitor ON sale(visitor);"
        "CREATE TABLE coupon(code TEXT PRIMARY KEY, percent INT);"
    )
    categories = [n for n, size in enumerate(CATEGORY_SIZES) for _ in range(size)]
    for product in range(PRODUCTS):
        # Products past the listed categories are in the archive: recommended, never listed.
        category = categories[product] if product < len(categories) else -1
        words = (rng.choice(nouns), rng.choice(kinds), rng.choice(places), product)
        name = "%s %s, %s, No. %d" % words
        vector = [round(rng.random(), 3) for _ in range(FEATURES)]
        database.execute(
            "INSERT INTO product VALUES(?,?,?,?)", (product, category, name, rng.randint(5, 500))
        )
        database.execute("INSERT INTO stock VALUES(?,?)", (product, rng.randint(0, 90)))
        database.execute("INSERT INTO feature VALUES(?,?)", (product, json.dumps(vector)))
    database.executemany(
        "INSERT INTO sale(visitor, product) VALUES(?,?)",
        ((visitor, rng.randrange(PRODUCTS)) for visitor in range(VISITORS) for _ in range(25)),
    )
    database.execute("INSERT INTO coupon VALUES('SPRING', 10)")
    database.commit()


class Session(socketserver.StreamRequestHandler):
    """One client's connection."""

    disable_nagle_algorithm = True

    def handle(self):
        for line in self.rfile:
            request = json.loads(line)
            time.sleep(REPORT_S if request["query"] == "sales_report" else DISK_S)
            with self.server.lock:
                rows = self.server.database.execute(
                    QUERIES[request["query"]], request["args"]
                ).fetchall()
            self.wfile.write(json.dumps(rows).encode() + b"\n")


class Database(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.lock = threading.Lock()
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        fill(self.database)

    def handle_error(self, request, client_address):
        """A client that went away is no news, and the demo's terminal is not ours."""


def main():
    lifeline.end_with_parent(int(sys.argv[1]))
    database = Database()
    print("port", database.server_address[1], flush=True)
    database.serve_forever()


if __name__ == "__main__":
    main()
