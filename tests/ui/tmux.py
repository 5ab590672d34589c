# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal to test screens in: a private tmux server of a given size.

    with tmux.terminal(80, 24) as screen:
        screen.type("proftop 123", "Enter")
        screen.wait("LIVE")             # text on the screen, or a function of the screen
        screen.keys("j", "j")
        print(screen.text())

Nothing sleeps for a fixed time: wait() looks until its deadline, and a failure shows the screen.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time

import tap

DEADLINE_S = 15.0


def line_with(text, word):
    """The first line of a screen's text that has the word."""
    found = [line for line in text.split("\n") if word in line]
    assert found, "no line with %r" % word
    return found[0]


class Screen:
    def __init__(self, columns, rows, environment):
        tap.require(shutil.which("tmux"), "tmux is not installed")
        self._folder = tempfile.mkdtemp(prefix="proftop-ui-")
        self._tmux = ["tmux", "-S", os.path.join(self._folder, "socket"), "-f", os.devnull]
        base = {
            "PATH": os.environ["PATH"],
            "HOME": self._folder,
            "LC_ALL": "C.UTF-8",
            "TERM": "screen-256color",
        }
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                base[name] = os.environ[name]
        base.update(environment)
        words = ["env", "-i"] + ["%s=%s" % pair for pair in base.items()]
        words += ["bash", "--norc", "--noprofile", "-i"]
        size = ["-x", str(columns), "-y", str(rows)]
        server = dict(os.environ, LC_ALL="C.UTF-8")
        subprocess.run(
            self._tmux + ["new-session", "-d"] + size + words,
            check=True,
            cwd=self._folder,
            env=server,
        )
        self._do("set-option", "-g", "escape-time", "0")
        self.type("PS1='ready> '")
        self.wait(lambda text: text.rstrip().endswith("ready>"))

    @property
    def folder(self):
        return self._folder

    def _do(self, *words):
        done = subprocess.run(
            self._tmux + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
        )
        return done.stdout.decode("utf-8", "replace")

    def keys(self, *keys):
        """Keys by tmux's names ("Enter", "C-c", "F1"), one after another."""
        for key in keys:
            self._do("send-keys", key)

    def type(self, text, enter=True):
        self._do("send-keys", "-l", text)
        if enter:
            self.keys("Enter")

    def click(self, row, column):
        """The left button, pressed and released, as TERM=screen-256color encodes it."""
        place = chr(33 + column) + chr(33 + row)
        self._do("send-keys", "-l", "\033[M " + place + "\033[M#" + place)

    def drag(self, row, column, to_row, to_column):
        """The left button pressed in one place, moved to another and released there."""

        def place(row, column):
            return chr(33 + column) + chr(33 + row)

        keys = "\033[M " + place(row, column) + "\033[M@" + place(to_row, to_column)
        self._do("send-keys", "-l", keys + "\033[M#" + place(to_row, to_column))

    def resize(self, columns, rows):
        self._do("resize-window", "-x", str(columns), "-y", str(rows))

    def text(self):
        return self._do("capture-pane", "-p")

    def history(self):
        """The text with what has scrolled away."""
        return self._do("capture-pane", "-p", "-S", "-1000")

    def lines(self):
        return self.text().split("\n")

    def styled(self):
        """With escape sequences for colours and attributes."""
        return self._do("capture-pane", "-p", "-e")

    def wait(self, what, deadline_s=DEADLINE_S):
        """Until a text is on the screen, or a function of the screen's text is true."""
        end = time.monotonic() + deadline_s
        while True:
            text = self.text()
            if what in text if isinstance(what, str) else what(text):
                return text
            if time.monotonic() > end:
                tap.note("the screen was:")
                tap.note(text.rstrip())
                raise AssertionError("not on the screen in time: %s" % (what,))
            time.sleep(0.05)

    def wait_gone(self, text, deadline_s=DEADLINE_S):
        return self.wait(lambda screen: text not in screen, deadline_s)

    def wait_shell(self):
        """The shell has its terminal back: it takes a command and echoes it as typed."""
        mark = "back-%d" % time.monotonic_ns()
        # A new prompt, and not the line above an ASan report: what is typed before is flushed.
        self.wait(lambda text: text.rstrip().endswith("ready>") and "F10Quit" not in text)
        self.type("echo %s; stty -a" % mark)
        # Echoed once as typed, once as printed: echo is on, and the lines are not a staircase.
        text = self.wait(
            lambda screen: screen.count(mark) >= 2 and "icanon" in screen.split(mark)[-1]
        )
        said = text.split(mark)[-1].replace("\n", " ").split()
        for mode in ("icanon", "echo", "isig", "icrnl", "opost", "onlcr"):
            assert mode in said, "the terminal is not in mode %s: %s" % (mode, " ".join(said))
        return text

    def has_rung(self):
        """Whether the terminal's bell has rung since it was made."""
        return self._do("display-message", "-p", "#{window_bell_flag}").strip() == "1"

    def close(self):
        self._do("kill-server")
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def terminal(columns=80, rows=24, **environment):
    screen = Screen(columns, rows, environment)
    try:
        yield screen
    finally:
        screen.close()
