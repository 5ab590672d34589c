# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of big programs: how soon after Enter the first is on the screen (tmux, 80x24), and
whether a tick came late meanwhile.

    bench_symbols.py [--times N]
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import proftop
import tap
import targets

LIMIT_S = 0.7
NODE_LOOP = """
function churn(n) {
  let s = 0;
  for (let i = 0; i < n; i++) s += JSON.stringify({a: i, b: [i, i, "x"]}).length;
  return s;
}
console.log("ready");
for (;;) churn(1000);
"""
PAGE = """data:text/html,<script>let s=0;function spin(){for(let i=0;i<3e6;i++)s+=Math.sqrt(i);
document.title=s;setTimeout(spin,0)};spin()</script>"""


@contextlib.contextmanager
def node(*options):
    command = [targets.tool("node"), *options, "-e", NODE_LOOP]
    with targets.folder() as place:
        with targets.started(command, ready="ready", cwd=place) as process:
            yield process.pid
    with contextlib.suppress(OSError):
        os.remove("/tmp/perf-%d.map" % process.pid)


@contextlib.contextmanager
def chromium():
    """The renderer that the page keeps busy."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    with targets.folder() as place:
        profile = "--user-data-dir=" + place
        with targets.started([targets.tool("chromium"), *options, profile, PAGE]) as process:

            def busiest():
                listed = subprocess.run(
                    ["ps", "-eo", "sid,pid,cputimes,args", "--sort=-cputimes"],
                    stdout=subprocess.PIPE,
                    check=True,
                ).stdout.decode()
                for row in listed.splitlines()[1:]:
                    session, pid, used_s, args = row.split(None, 3)
                    if int(session) == process.pid and "type=renderer" in args:
                        return int(pid) if int(used_s) >= 3 else None
                return None

            yield targets.wait_for(busiest, "a busy renderer", 60)


PROGRAMS = {
    "node (100 MB)": (node, (), r"v8::|Builtins_|node::"),
    "node with a perf map": (node, ("--perf-basic-prof",), r"churn|\(anonymous\)"),
    "chromium (250 MB)": (chromium, (), r"chromium\+0x"),
}


def first_name_s(screen, pid, name):
    row = re.compile(r"^\W*\d+\.\d\s+\d+\.\d\s.*(%s)" % name, re.MULTILINE)
    return screen.until_s(row, proftop.PATH, pid)


def late_ticks(pid, place):
    path = os.path.join(place, "a.ptop")
    proftop.record(pid, path, 3, 100)
    return measure.costs(path)["late_ticks"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    table = measure.Table()
    table.heading()
    for what, (start, arguments, name) in PROGRAMS.items():
        try:
            with targets.folder() as place, start(*arguments) as pid:
                late = [late_ticks(pid, place) for _ in range(options.times)]
                with measure.Screen(place, 80, 24) as screen:
                    took_s = [first_name_s(screen, pid, name) for _ in range(options.times)]
        except tap.Skip as reason:
            print("left out: %s: %s" % (what, reason))
            continue
        spread = measure.spread_of(took_s, "s")
        table.add("Enter to the first name, " + what, measure.median(took_s), "s", LIMIT_S, None,
                  spread)
        table.add("late ticks of 300, " + what, measure.median(late), "", 0, None,
                  "at most %d" % max(late))
    return 0 if table.kept() else 1


if __name__ == "__main__":
    sys.exit(main())
