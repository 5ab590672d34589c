# SPDX-License-Identifier: GPL-2.0-or-later
"""Swapping out another process's memory, as the kernel would do without room (process_madvise(2))."""

import ctypes
import os

import tap

PROCESS_MADVISE = 440
MADV_PAGEOUT = 21
LEAST_KB = 32 * 1024


class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def figure_kb(path, name):
    """A line of /proc/meminfo or /proc/PID/status."""
    with open(path) as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def swapped_kb(pid):
    return figure_kb("/proc/%d/status" % pid, "VmSwap")


def page_out(pid):
    """All writable memory of no file; skips where there is nowhere to put it."""
    tap.require(figure_kb("/proc/meminfo", "SwapFree") >= LEAST_KB, "no swap space here")
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.pidfd_open(pid)
    try:
        with open("/proc/%d/maps" % pid) as maps:
            for words in map(str.split, maps):
                if words[1] != "rw-p" or len(words) > 5 and words[5] != "[heap]":
                    continue
                first, end = (int(word, 16) for word in words[0].split("-"))
                span = Span(first, end - first)
                libc.syscall(PROCESS_MADVISE, handle, ctypes.byref(span), 1, MADV_PAGEOUT, 0)
    finally:
        os.close(handle)
    tap.require(swapped_kb(pid) > 0, "the kernel swapped nothing out when it was asked to")
