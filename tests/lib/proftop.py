# SPDX-License-Identifier: GPL-2.0-or-later
"""proftop, as tests run it: the program of the build under test ($PROFTOP)."""

import json
import os
import signal
import subprocess

import tap
import targets


def _find():
    path = os.environ.get("PROFTOP")
    if not path:
        build = os.path.join(os.path.dirname(targets.TESTS), "build")
        places = [os.path.join(build, name, "proftop") for name in ("dev", "bootstrap")]
        path = next((place for place in places if os.access(place, os.X_OK)), None)
    if not path or not os.access(path, os.X_OK):
        raise SystemExit("Bail out! no proftop to test: set PROFTOP to its path")
    return os.path.abspath(path)


PATH = _find()


def run(*args, timeout_s=60, **options):
    """Run it to its end; standard output and error are text."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [PATH, *(str(arg) for arg in args)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=timeout_s,
        **options,
    )


def ok(*args, **options):
    """Run it, expect status 0, and return what it printed."""
    done = run(*args, **options)
    assert done.returncode == 0, "proftop %s: status %d: %s" % (
        " ".join(str(arg) for arg in args),
        done.returncode,
        done.stderr.strip(),
    )
    return done.stdout


def started(*args, **options):
    """Start it and go on; a context manager that gives the process."""
    return targets.started([PATH, *args], **options)


def record(pid, into, seconds, rate_hz=1000, *more):
    """Record a process for some seconds into a file."""
    ok("record", "-p", pid, "-o", into, "-r", rate_hz, "-d", seconds, *more, timeout_s=seconds + 60)


def report(path, view="functions", *more):
    """A view of a recording, as the object that `report --format json` prints."""
    text = ok("report", path, "--view", view, "--format", "json", "--limit", "0", *more)
    shown = json.loads(text)
    tap.equal(shown["schema"], "proftop.report/1", "schema")
    tap.equal(shown["view"], view, "view")
    return shown


def rows_by_name(shown):
    """The rows of a function view by name, added up where a name occurs twice."""
    rows = {}
    for row in shown["rows"]:
        if row["name"] in rows:
            for key, value in row.items():
                if key.endswith(("_pct", "_s", "_samples")) and value is not None:
                    rows[row["name"]][key] = (rows[row["name"]][key] or 0) + value
        else:
            rows[row["name"]] = dict(row)
    return rows


def fails(args, *words, status=1, **options):
    """It exits with this status and exactly one line on stderr, which has these words."""
    done = run(*args, **options)
    said = done.stderr
    tap.equal(done.returncode, status, "exit status (it said %r)" % said)
    assert said.endswith("\n") and said.count("\n") == 1, "not one line: %r" % said
    assert said.startswith("proftop: "), "does not say who speaks: %r" % said
    for word in words:
        assert word.lower() in said.lower(), "%r is not in %r" % (word, said)
    return said


def interrupt(process, number=signal.SIGINT, timeout_s=20):
    """Send a signal and return the exit status."""
    process.send_signal(number)
    return process.wait(timeout_s)
