# SPDX-License-Identifier: GPL-2.0-or-later
"""A known call chain that ends in a blocking read of standard input.

Line numbers are part of the test (tests/unit/python_live.c): the marks "# @NAME" at the end of
lines are what it looks them up by. Says "ready" on standard output before it blocks.
"""
import asyncio
import os
import sys
import threading


def block():
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.read(0, 1)  # @block


def plain(call):
    call()  # @plain


class Base:
    def method(self):
        values = [self for _ in range(1)]  # self is used by an inner function up to 3.11
        plain(values[0].nested)  # @method

    @classmethod
    def create(cls):
        return cls().method()  # @create


class Näme(Base):
    @property
    def nested(self):
        def inner():
            (lambda: self.__private())()  # @inner
        return inner

    def __private(self):
        return [item for item in self.generate()]  # @private

    def generate(self):
        yield from self.delegate()  # @generate

    def delegate(self):
        yield run(self.coroutine())  # @delegate

    async def coroutine(self):
        await self.awaited()  # @coroutine

    async def awaited(self):
        class Body:
            value = spans(1,
                          2,
                          block())  # @argument


def spans(*args):
    return args


def several(
        *functions):
    return [
        function()  # @several
        for function in functions  # @several-3.7
    ]


def worker():
    event.wait()  # @worker


run = getattr(asyncio, "run", None) or asyncio.get_event_loop().run_until_complete  # 3.6
event = threading.Event()
for number in range(2):
    threading.Thread(target=worker, daemon=True).start()
several(
    Näme.create,  # @arguments
)
