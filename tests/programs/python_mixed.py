"""Python and C by turns: each way in which C calls Python back, one inside the other, and most of
the time at the bottom. Runs for ever on the main thread."""
import functools
import re
import sys
import types


def spin(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def leaf(x):
    return spin(300) + x


class Made:
    def __init__(self, depth):
        self.value = by_regex(depth)


class Called:
    def __call__(self, x):
        return leaf(x)

    def __getattr__(self, name):
        return leaf(1)

    def __eq__(self, other):
        return leaf(2) > 0

    def __hash__(self):
        return 1


def by_regex(depth):
    return len(re.sub("a", lambda match: str(by_partial(depth)), "a"))


def by_partial(depth):
    return functools.partial(by_map, depth)()


def by_map(depth):
    return sum(map(by_sort, [depth]))


def by_sort(depth):
    return sorted([depth], key=by_generator)[0]


def generate(depth):
    yield by_delegation(depth)


def delegate(depth):
    result = yield from generate(depth)
    return result


def by_generator(depth):
    for value in delegate(depth):
        return value


def by_delegation(depth):
    return next(generate_plain(depth))


def generate_plain(depth):
    yield by_coroutine(depth)


@types.coroutine
def suspend():
    yield 1


async def inner(depth):
    return recurse(depth)


async def outer(depth):
    return await inner(depth)


def by_coroutine(depth):
    try:
        outer(depth).send(None)
    except StopIteration as end:
        return end.value


def recurse(depth):
    if depth > 0:
        return recurse(depth - 1)
    called = Called()
    return leaf(1) + called(2) + called.missing + (called == 3) + [called].count(4)


def main():
    while True:
        Made(5)
        by_generator(3)
        by_coroutine(2)
        exec("leaf(1)")
        list(map(leaf, range(3)))


sys.stdout.write("ready\n")
sys.stdout.flush()
main()
