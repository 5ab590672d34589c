# SPDX-License-Identifier: GPL-2.0-or-later
"""From Enter to the first hot table, on an 80x24 terminal (tmux), for Python and node.

    bench_first_table.py [--times N]
"""

import argparse
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import proftop
import tap
import targets

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")
NODE_LOOP = """
function countPrimes(limit) {
  let count = 0;
  for (let n = 2; n < limit; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (prime) count++;
  }
  return count;
}
console.log("ready");
for (;;) countPrimes(200000);
"""
LIMIT_S = 0.5
# A row of the table: two percents with one decimal, and a name.
HOT_ROW = re.compile(r"^\W*\d+\.\d\s+\d+\.\d\s.*[A-Za-z_]{2}", re.MULTILINE)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    table = measure.Table()
    table.heading()
    for name, command in (
        ("Python", [sys.executable, SPLIT_PY]),
        ("node", ["node", "-e", NODE_LOOP]),
    ):
        try:
            command[0] = targets.tool(command[0])
        except tap.Skip as reason:
            print("left out: %s: %s" % (name, reason))
            continue
        with targets.folder() as place, targets.started(command, ready="ready") as target:
            with measure.Screen(place, 80, 24) as screen:
                took_s = [
                    screen.until_s(HOT_ROW, proftop.PATH, target.pid)
                    for _ in range(options.times)
                ]
        spread = measure.spread_of(took_s, "s")
        what = "Enter to the first hot table, %s" % name
        table.add(what, measure.median(took_s), "s", LIMIT_S, None, spread)
    return 0 if table.kept() else 1


if __name__ == "__main__":
    sys.exit(main())
