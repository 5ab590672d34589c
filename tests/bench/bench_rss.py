# SPDX-License-Identifier: GPL-2.0-or-later
"""proftop's own memory on the demo: how much, and is it level after ten minutes?

    bench_rss.py [--minutes N]

Raw samples are kept for ten minutes, so it is the time after that which must be level.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import proftop
import targets

DEMO = os.path.join(os.path.dirname(targets.TESTS), "data", "demo", "demo.py")
RSS_LIMIT_MB = 30.0
GROWTH_LIMIT_KB_PER_MINUTE = 100.0  # over the last third
EVERY_S = 5.0


def watch_rss(minutes):
    """The resident megabytes of a live screen on the demo, every few seconds."""
    figures_mb = []
    with targets.folder() as place:
        command = [sys.executable, DEMO]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with targets.started(command, **pipes) as demo, measure.Screen(place, 80, 24) as screen:
            service = demo.stdout.readline().decode().split()[1]
            screen.type(proftop.PATH, service)
            pid = targets.wait_for(screen.pid, "proftop to start")
            end_s = time.monotonic() + 60 * minutes
            while time.monotonic() < end_s:
                time.sleep(EVERY_S)
                figures_mb.append(targets.rss_bytes(pid) / 2**20)
            used_pct = 100 * measure.cores_used(pid, 10)
    return figures_mb, used_pct


def slope_per_minute(figures):
    """By the median of the slopes between all pairs (Theil and Sen), which outliers do not move."""
    slopes = [
        (later - earlier) / (at_later - at_earlier)
        for at_earlier, earlier in enumerate(figures)
        for at_later, later in list(enumerate(figures))[at_earlier + 1 :]
    ]
    return statistics.median(slopes) * 60 / EVERY_S


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    options = parser.parse_args()
    figures_mb, used_pct = watch_rss(options.minutes)
    last = figures_mb[len(figures_mb) * 2 // 3 :]
    table = measure.Table()
    table.heading()
    spread = "%.1f after %.0f s, %.1f at the end" % (figures_mb[0], EVERY_S, figures_mb[-1])
    table.add("own RSS on the demo, highest", max(figures_mb), "MB", RSS_LIMIT_MB, None, spread)
    growth_kb = max(0.0, slope_per_minute(last) * 1024)
    limit = GROWTH_LIMIT_KB_PER_MINUTE
    table.add("its growth over the last third", growth_kb, "KB/min", limit)
    table.add("own CPU on the demo, live screen", used_pct, "% core")
    return 0 if table.kept() else 1


if __name__ == "__main__":
    sys.exit(main())
