# SPDX-License-Identifier: GPL-2.0-or-later
"""5,000 calls deep, then blocks: frames in many chunks of the data stack."""
import os
import sys
import threading


def descend(depth):
    if depth == 1:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        os.read(0, 1)
    else:
        descend(depth - 1)


sys.setrecursionlimit(10000)
threading.stack_size(256 << 20)
thread = threading.Thread(target=descend, args=(5000,))
thread.start()
thread.join()
