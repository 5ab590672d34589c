# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes to watch: started, waited for, and always taken down.

Everything is private to the test that makes it (folders, ports), so tests may run side by
side. Every child is killed by the kernel if the test itself dies.
"""

import contextlib
import ctypes
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import tap

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = os.path.join(TESTS, "programs")
# The minor versions that proftop promises to read.
PYTHON_VERSIONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
_libc = ctypes.CDLL(None, use_errno=True)


def wait_for(condition, what, timeout_s=10.0):
    """Return the condition's first true value; fail if there is none in time."""
    end_s = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end_s, "waited %.0f s for %s" % (timeout_s, what)
        time.sleep(0.02)


@contextlib.contextmanager
def folder():
    """A private folder for the time of the test; the working directory stays."""
    path = tempfile.mkdtemp(prefix="proftop-test-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def end_with_test():
    """In a child, before exec: be killed when the test ends, however that ends."""
    _libc.prctl(1, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG


def kill(process):
    """End a process that this test started, and all of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


@contextlib.contextmanager
def started(command, ready=None, **options):
    """Run a command in a group of its own; with ready, wait until it prints a line with it."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE if ready else subprocess.DEVNULL)
    options.setdefault("stderr", subprocess.DEVNULL)
    process = subprocess.Popen(
        [str(word) for word in command],
        preexec_fn=end_with_test,
        start_new_session=True,
        **options,
    )
    try:
        if ready:
            line = process.stdout.readline().decode()
            assert ready in line, "%s said %r instead of %r" % (command[0], line, ready)
        yield process
    finally:
        kill(process)


def program(name, *flags, into):
    """Compile tests/programs/NAME.c into a folder, optimised and with debug information."""
    compiler = shutil.which(os.environ.get("CC", "gcc")) or shutil.which("cc")
    tap.require(compiler, "no C compiler")
    binary = os.path.join(into, name)
    subprocess.run(
        [compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", *flags]
        + [os.path.join(PROGRAMS, name + ".c"), "-o", binary, "-lpthread"],
        check=True,
    )
    return binary


def marked_lines(source, mark):
    """The numbers of the source's lines that end in a comment with this mark."""
    with open(source) as lines:
        return {
            number
            for number, line in enumerate(lines, 1)
            if re.search(r"(#|//).*\b%s$" % re.escape(mark), line.rstrip())
        }


class Python:
    """One Python to test against; in a root folder of its own where chroot is set."""

    def __init__(self, path, root=None):
        self.path = path
        self.root = root
        self.command = ["chroot", root, path] if root else [path]
        code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
        self.version = subprocess.run(
            [*self.command, "-c", code], stdout=subprocess.PIPE, check=True
        ).stdout.decode()
        self.version = self.version.strip()
        self.label = "%s (%s)" % (self.version, root or os.path.dirname(path))

    @property
    def minor(self):
        return self.version.rpartition(".")[0]

    @property
    def minor_number(self):
        return int(self.minor.partition(".")[2])

    @contextlib.contextmanager
    def script(self, source):
        """The path by which this Python knows a script, which is copied into its root."""
        if not self.root:
            yield source
            return
        with tempfile.TemporaryDirectory(dir=os.path.join(self.root, "tmp")) as inside:
            os.chmod(inside, 0o755)
            shutil.copy(source, inside)
            yield os.path.join("/tmp", os.path.basename(inside), os.path.basename(source))


# Each of the formats of frames, code and line tables once: where a case on every version takes long.
SOME_VERSIONS = ("3.6", "3.8", "3.11", "3.12", "3.15")


def is_one_of_many(python):
    """Whether a slow case on this Python is much like that on another one."""
    return python.minor not in SOME_VERSIONS or (
        python.minor == "3.11" and python.path != "/usr/bin/python3"
    )


def pythons():
    """Every Python on this machine of a version that proftop promises to read."""
    paths = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3")))
    found = [(path, None) for path in ["/usr/bin/python3", *paths] if os.access(path, os.X_OK)]
    root = os.environ.get("PROFTOP_PYTHONS_ROOT")
    if root:
        inside = sorted(glob.glob(os.path.join(root, "usr/bin/python3.[0-9]*")))
        found += [(path[len(root.rstrip("/")) :], root) for path in inside if path[-1].isdigit()]
    known = []
    for path, root in found:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            known.append(Python(path, root))
    return [python for python in known if python.minor in PYTHON_VERSIONS]


def free_port():
    """A port on loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    """Does somebody accept connections on this loopback port?"""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def thread_states(pid):
    """The kernel's state letter of each thread, {} once the process is gone."""
    states = {}
    for path in glob.glob("/proc/%d/task/*/stat" % pid):
        with contextlib.suppress(OSError):
            with open(path) as stat:
                states[int(path.split("/")[4])] = stat.read().rpartition(")")[2].split()[0]
    return states


def tracer_of(pid):
    """The pid of who traces any thread of the process, or 0."""
    for path in glob.glob("/proc/%d/task/*/status" % pid):
        with contextlib.suppress(OSError):
            with open(path) as status:
                tracer = int(re.search(r"^TracerPid:\s*(\d+)", status.read(), re.M).group(1))
            if tracer:
                return tracer
    return 0


def cpu_s(pid):
    """CPU seconds that the process has used, of all its threads, to 10 ms."""
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    with open("/proc/%d/statm" % pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children(pid):
    """The pids of the process's children."""
    found = []
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        with contextlib.suppress(OSError):
            with open(path) as names:
                found += [int(name) for name in names.read().split()]
    return found


def tool(name):
    """The path of a program that the test needs; skips the test without it."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    tap.require(path, "no %s here" % name)
    return path


def unshare(*flags):
    """The command for namespaces of one's own; skips where there can be none."""
    command = [tool("unshare"), *flags]
    tried = subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=False)
    tap.require(tried.returncode == 0, "no namespaces can be made here")
    return command


def is_root():
    return os.geteuid() == 0
