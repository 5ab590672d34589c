# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that print TAP, as automake's driver reads it.

    @tap.test("what is true afterwards")
    def _():
        ...                     # an exception is a failure, tap.skip("why") a skip

    tap.main()

A test that runs for longer than a few seconds says `slow=True` and is left out when
PROFTOP_TESTS=quick (as under the sanitizers). One that says `rare=True` is one of many that are alike
(a case on one more version) and is there with PROFTOP_TESTS=all alone, so that the whole suite stays
under its 15 minutes.
"""

import os
import re
import sys
import traceback

_tests = []


class Skip(Exception):
    """Not to be tried here, and why."""


def skip(reason):
    raise Skip(reason)


def require(condition, reason):
    """Skip unless the condition holds."""
    if not condition:
        raise Skip(reason)


def test(name, *args, slow=False, rare=False):
    """Register the function decorated as a test; it is called with args."""

    def register(function):
        if not rare or os.environ.get("PROFTOP_TESTS") == "all":
            _tests.append((name, function, args, slow))
        return function

    return register


def equal(got, expected, what=""):
    assert got == expected, "%s: got %r, expected %r" % (what or "value", got, expected)


def near(got, expected, within, what=""):
    assert got is not None and abs(got - expected) <= within, "%s: got %r, expected %r +- %r" % (
        what or "value",
        got,
        expected,
        within,
    )


def note(*words):
    """A line for who reads the log; the harness ignores it."""
    for line in " ".join(str(word) for word in words).splitlines():
        print("#", line, flush=True)


def _run_one(number, name, function, args, slow):
    try:
        if slow and os.environ.get("PROFTOP_TESTS") == "quick":
            skip("slow")
        function(*args)
    except Skip as reason:
        print("ok %d - %s # SKIP %s" % (number, name, reason), flush=True)
        return True
    except Exception as error:
        note(traceback.format_exc())
        print("not ok %d - %s: %s" % (number, name, _one_line(error)), flush=True)
        return False
    print("ok %d - %s" % (number, name), flush=True)
    return True


def _one_line(error):
    return re.sub(r"[\s#]+", " ", str(error) or type(error).__name__)[:200]


def main():
    """Run every test, or those with a name that contains an argument."""
    chosen = [t for t in _tests if not sys.argv[1:] or any(a in t[0] for a in sys.argv[1:])]
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, (name, function, args, slow) in enumerate(chosen, 1):
        failed += not _run_one(number, name, function, args, slow)
    # automake's driver would count a status of 1 as one failure more.
    sys.exit(1 if failed and sys.stdout.isatty() else 0)
