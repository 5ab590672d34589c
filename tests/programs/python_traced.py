# SPDX-License-Identifier: GPL-2.0-or-later
"""Allocates under tracemalloc, prints the lines that hold most (BYTES COUNT LINE), and waits.

Only lines of this file; ends with an empty line.
"""

import gc
import os
import sys
import tracemalloc

tracemalloc.start()
strings = ["text number %d" % i for i in range(3000)]
blobs = [bytes(5000) for _ in range(200)]
table = {i: [i] for i in range(1000)}
gc.collect()
gc.disable()
rows = tracemalloc.take_snapshot().statistics("lineno")
lines = []
for row in rows:
    frame = row.traceback[0]
    if frame.filename == __file__ and row.size > 50000:
        lines.append("%d %d %d\n" % (row.size, row.count, frame.lineno))
os.write(1, "".join(lines + ["\n"]).encode())
os.read(0, 1)
