# SPDX-License-Identifier: GPL-2.0-or-later
"""What every process of the demo does first: tie its life to its parent's.

A child that outlives the demo would be a server that nobody knows of, so each process asks
the kernel to be killed when its parent ends, however that ends.
"""

import ctypes
import os
import signal
import threading

PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent(parent_pid, signal_number=signal.SIGKILL):
    """Be sent the signal when the parent ends; end now if it has ended already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        raise SystemExit("the process that started this one has ended")


def name_thread(name):
    """Give the calling thread the name that the kernel shows (Python tells it only from 3.14)."""
    with open("/proc/self/task/%d/comm" % threading.get_native_id(), "w") as comm:
        comm.write(name[:15])
