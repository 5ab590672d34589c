# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's visitors: twelve clients that ask, wait for the answer, and ask again.

Two answers in a hundred are errors, as two orders' coupons are unknown.

    load.py PARENT_PID SERVICE_PORT        prints `ready` once every client has been answered
"""

import http.client
import itertools
import random
import sys
import threading

import lifeline

CLIENTS = 12
CATEGORIES = 7


def choose_request(rng, visitor):
    """The path that this visitor asks for, by the shop's usual mix."""
    draw = rng.random()
    category = rng.randrange(CATEGORIES)
    if draw < 0.02:
        return "/order?visitor=%d&category=%d&coupon=EXPIRED" % (visitor, category // 2)
    if draw < 0.15:
        return "/order?visitor=%d&category=%d&coupon=SPRING" % (visitor, category // 2)
    if draw < 0.45:
        return "/recommend?visitor=%d" % visitor
    return "/products?visitor=%d&category=%d" % (visitor, category)


def visit(port, number, visitors, first_answers):
    rng = random.Random(number)
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.request("GET", choose_request(rng, next(visitors)))
            connection.getresponse().read()
        finally:
            connection.close()
        first_answers.release()


def main():
    lifeline.end_with_parent(int(sys.argv[1]))
    visitors = itertools.count(1)
    first_answers = threading.Semaphore(0)
    clients = [
        threading.Thread(
            target=visit, args=(int(sys.argv[2]), number, visitors, first_answers), daemon=True
        )
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    first_answers.acquire()
    print("ready", flush=True)
    for client in clients:
        client.join()


if __name__ == "__main__":
    main()
