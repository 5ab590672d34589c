# SPDX-License-Identifier: GPL-2.0-or-later
"""The settings files: what is in force and where it is from, what is wrong, writing them."""

import contextlib
import os
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets

NOBODY = 65534


class Place:
    """A home of its own."""

    def __init__(self, path):
        self.path = path
        self.user = os.path.join(path, "home", ".config", "proftop", "proftoprc")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("XDG_") and name not in ("HOME", "SUDO_UID")
        }
        self.environment["HOME"] = os.path.join(path, "home")
        self.environment["XDG_CONFIG_DIRS"] = os.path.join(path, "none")

    def write(self, text, path=None):
        path = path or self.user
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self):
        with open(self.user, encoding="utf-8") as file:
            return file.read()

    def run(self, *args, **options):
        return proftop.run(*args, env=self.environment, **options)

    def settings(self, *args):
        """Each setting's (value, where it is from), and what was said on stderr."""
        done = self.run("settings", *args)
        tap.equal(done.returncode, 0, "exit status (%s)" % done.stderr)
        rows = [line.split(None, 1) for line in done.stdout.splitlines()]
        return {row[0]: tuple(part.strip() for part in row[1].split("  ", 1)) for row in rows}, done

    def problems(self, *args, status=1):
        """What --check says, a line each."""
        done = self.run("settings", "--check", *args)
        tap.equal(done.returncode, status, "exit status (%s)" % done.stderr)
        for line in done.stderr.splitlines():
            assert line.startswith("proftop: "), line
        return [line[len("proftop: ") :] for line in done.stderr.splitlines()]


@contextlib.contextmanager
def home():
    with targets.folder() as path:
        yield Place(path)


@tap.test("no file: the defaults")
def _():
    with home() as place:
        rows, done = place.settings()
        assert len(rows) > 20, rows
        tap.equal(rows["rate"], ("100", "default"), "rate")
        tap.equal(rows["ten-second-slices"], ("24h", "default"), "ten-second-slices")
        tap.equal(done.stderr, "", "stderr")
        tap.equal(place.problems(status=0), [], "problems")


@tap.test("the user's file is over the system's, the command line over both")
def _():
    with home() as place:
        first, second = (os.path.join(place.path, name) for name in ("first", "second"))
        place.environment["XDG_CONFIG_DIRS"] = "%s:%s:relative:" % (first, second)
        rc = "proftop/proftoprc"
        low = place.write("rate = 1\nbudget = 2\nkeep = 3\nring = 4m\n", os.path.join(second, rc))
        middle = place.write("rate = 11\nbudget = 12\nkeep = 13\n", os.path.join(first, rc))
        place.write("rate = 21\nbudget = 22\n")
        rows, _ = place.settings("--rate", "31", "--set", "alerts.cpu=off")
        tap.equal(rows["rate"], ("31", "command line"), "rate")
        tap.equal(rows["budget"], ("22", place.user + ":2"), "budget")
        tap.equal(rows["keep"], ("13", middle + ":3"), "keep")
        tap.equal(rows["ring"], ("4m", low + ":4"), "ring")
        tap.equal(rows["alerts.cpu"], ("off", "command line"), "the rule")
        rows, _ = place.settings("--config", low)
        tap.equal(rows["rate"], ("1", low + ":1"), "rate of --config")
        tap.equal(rows["engine"], ("auto", "default"), "engine")
        rows, _ = place.settings("--config", "/dev/null")
        tap.equal(rows["budget"], ("1", "default"), "budget of /dev/null")
        place.environment["XDG_CONFIG_HOME"] = os.path.join(place.path, "xdg")
        other = place.write("rate = 41\n", os.path.join(place.path, "xdg", rc))
        tap.equal(place.settings()[0]["rate"], ("41", other + ":1"), "rate of XDG_CONFIG_HOME")


@tap.test("what is wrong: file, line, the nearest name; the rest holds")
def _():
    with home() as place:
        place.write("rat = 5\nengine = prf\nbudget = 0.5\nline\n[alert]\nx = y\n")
        said = place.problems()
        tap.equal(len(said), 4, "problems")
        expected = ('did you mean "rate"', '"perf"?; it stays auto', 'no "="', '"alerts"')
        for line, words in zip(said, expected):
            assert line.startswith(place.user + ":") and words in line, line
        rows, done = place.settings()
        tap.equal(done.stderr.splitlines(), ["proftop: " + line for line in said], "stderr")
        tap.equal(rows["budget"][0], "0.5", "budget")
        tap.equal(place.settings("-q")[1].stderr, "", "stderr with -q")
        tap.equal(place.problems("/dev/null", status=0), [], "problems of another file")


@tap.test("settings below [alerts], where --write's file ends: what they are near to, and where they belong")
def _():
    with home() as place:
        place.write("[alerts]\nrate = 5\nwindw = 1m\nload = cpu_pct 80\nhot = cpu_pct > 60\n")
        said = [line.split(":", 2)[2] for line in place.problems()]
        tap.equal(said[0], " rate is no alert: it belongs before the line [alerts]", "a setting")
        tap.equal(
            said[1],
            ' windw is no alert: did you mean "window"? That belongs before the line [alerts]',
            "what is near to one",
        )
        assert 'after cpu_pct comes > or <, not "80"' in said[2], said
        tap.equal(len(said), 3, "problems")


HOSTILE = {
    "CRLF": (b"rate = 50\r\nbudget = 2\r\n", None),
    "a byte order mark": (b"\xef\xbb\xbfrate = 50", None),
    "no newline at its end": (b"rate = 50", None),
    "a NUL byte": (b"rate = 50\nbud\0get = 1\n", ":2: a NUL byte"),
    "a long line": (b"x" * 5000 + b"\nrate = 50\n", ":1: longer than"),
    "escapes": (b"\033[31m = 5\nrate = 50\n", ":1: unknown setting \"?[31m\""),
    "broken UTF-8": (b"\xff\xfe = 5\nrate = 50\n", ":1: unknown setting \"??\""),
}


@tap.test("hostile bytes: a clear line, and what can be read holds")
def _():
    for name, (text, says) in HOSTILE.items():
        with home() as place:
            place.write(text)
            rows, done = place.settings()
            tap.equal(rows["rate"][0], "50", "rate after " + name)
            tap.equal(done.stderr.count("\n"), 0 if says is None else 1, "lines on " + name)
            assert not says or says in done.stderr, done.stderr


def make_loop(path):
    os.symlink(path, path)


def make_huge(path):
    with open(path, "wb") as file:
        file.truncate(1 << 30)


def make_open_to_all(path):
    open(path, "w").close()
    os.chmod(path, 0o666)


def make_anothers(path):
    tap.require(os.geteuid() == 0, "only root can give a file away")
    open(path, "w").close()
    os.chown(path, NOBODY, NOBODY)


@tap.test("files that cannot be read: one line, and proftop goes on")
def _():
    for make, says in (
        (os.mkdir, "it is a directory"),
        (os.mkfifo, "no regular file"),
        (make_loop, "Too many levels of symbolic links"),
        (make_huge, "larger than 1 MB"),
        (make_open_to_all, "everybody may write"),
        (make_anothers, "belongs to another user"),
    ):
        with home() as place:
            os.makedirs(os.path.dirname(place.user))
            make(place.user)
            rows, done = place.settings()
            tap.equal(rows["rate"], ("100", "default"), "rate")
            tap.equal(done.stderr.count("\n"), 1, "lines")
            assert place.user + ": not read: " in done.stderr and says in done.stderr, done.stderr
            tap.equal(len(place.problems()), 1, "problems")
            before = os.lstat(place.user)
            done = place.run("settings", "--write")
            tap.equal((done.returncode, done.stderr.count("\n")), (1, 2), "--write: " + done.stderr)
            tap.equal(os.lstat(place.user), before, "what was there")
            done = place.run("settings", "--config", place.user)
            tap.equal((done.returncode, done.stderr.count("\n")), (1, 1), "--config")
    with home() as place:
        done = place.run("settings", "--config", place.user)
        tap.equal(done.returncode, 1, "exit status")
        assert "there is no such file" in done.stderr, done.stderr


@tap.test("without HOME the password file's; another's home that is closed is none")
def _():
    tap.require(os.geteuid() == 0, "needs root")
    with home() as place:
        place.write("rate = 50\n")
        os.chmod(place.path, 0o700)
        as_nobody = ["setpriv", "--reuid=%d" % NOBODY, "--clear-groups", proftop.PATH]
        with targets.folder() as elsewhere:
            os.chmod(elsewhere, 0o755)
            binary = os.path.join(elsewhere, "proftop")
            with open(proftop.PATH, "rb") as file, open(binary, "wb") as copy:
                copy.write(file.read())
            os.chmod(binary, 0o755)
            as_nobody[-1] = binary
            done = run_words(as_nobody + ["settings"], place.environment)
            assert "default" in done.stdout and not done.stderr, done.stderr
            del place.environment["HOME"]
            done = run_words(as_nobody + ["settings"], place.environment)
            assert "default" in done.stdout and not done.stderr, done.stderr


def run_words(words, environment):
    return subprocess.run(
        words,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )


@tap.test("sudo -E: the caller's own file is read, and stays theirs")
def _():
    tap.require(os.geteuid() == 0, "needs root")
    with home() as place:
        place.write("rate = 50\n")
        for path in (place.user, os.path.dirname(place.user)):
            os.chown(path, NOBODY, NOBODY)
        place.environment["SUDO_UID"] = str(NOBODY)
        tap.equal(place.settings()[0]["rate"][0], "50", "rate")
        tap.equal(place.run("settings", "--write").returncode, 0, "exit status")
        tap.equal(os.stat(place.user).st_uid, NOBODY, "owner")
        os.unlink(place.user)
        tap.equal(place.run("settings", "--write").returncode, 0, "exit status")
        tap.equal(os.stat(place.user).st_uid, NOBODY, "owner of a new one")
        roots = place.write("keep = 1\n", os.path.join(place.path, "roots"))
        os.unlink(place.user)
        os.symlink(roots, place.user)
        os.lchown(place.user, NOBODY, NOBODY)
        done = place.run("settings", "--write")
        tap.equal((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        assert "another user's link" in done.stderr, done.stderr
        with open(roots, encoding="utf-8") as file:
            tap.equal(file.read(), "keep = 1\n", "root's own file")


@tap.test("--write: every setting with its comment, in force nothing; once more: nothing")
def _():
    with home() as place:
        done = place.run("settings", "--write", umask=0o022)
        tap.equal((done.returncode, done.stderr), (0, ""), "the first")
        assert done.stdout.startswith(place.user + ": "), done.stdout
        tap.equal(stat.S_IMODE(os.stat(place.user).st_mode), 0o644, "mode")
        folder = os.path.dirname(place.user)
        tap.equal(stat.S_IMODE(os.stat(folder).st_mode), 0o700, "its directory")
        text = place.read()
        rows, done = place.settings()
        for key, (_, where) in rows.items():
            tap.equal(where, "default", key)
            assert "\n#%s = " % key in text, key
        assert "\n[alerts]\n" in text
        tap.equal(place.problems(status=0), [], "problems")
        before = os.stat(place.user)
        assert "every setting is in it" in place.run("settings", "--write").stdout
        tap.equal(os.stat(place.user).st_ino, before.st_ino, "inode")


@tap.test("--write keeps what is there, takes the command line's values, follows a link")
def _():
    with home() as place:
        real = place.write("# mine\nrate = 50 # slow\n", os.path.join(place.path, "dotfiles", "rc"))
        os.chmod(real, 0o600)
        os.makedirs(os.path.dirname(place.user))
        os.symlink(real, place.user)
        more = ("--budget", "off", "--set", "alerts.cpu=cpu_pct > 90")
        done = place.run("settings", "--write", *more)
        tap.equal((done.returncode, done.stderr), (0, ""), "--write")
        assert os.path.islink(place.user), "the link is gone"
        tap.equal(stat.S_IMODE(os.stat(real).st_mode), 0o600, "mode")
        tap.equal(os.listdir(os.path.dirname(real)), ["rc"], "files beside it")
        assert place.read().startswith("# mine\nrate = 50 # slow\n"), place.read()
        rows, _ = place.settings()
        tap.equal(rows["rate"], ("50", place.user + ":2"), "rate")
        tap.equal(rows["budget"][0], "off", "budget")
        tap.equal(rows["alerts.cpu"][0], "cpu_pct > 90", "the rule")
        place.run("settings", "--write", "--rate", "75")
        assert "\nrate = 75 # slow\n" in place.read(), place.read()


@tap.test("--write where it cannot: one line, and what is there stays")
def _():
    with home() as place:
        path = os.path.join(place.path, "null")  # never the real one
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            os.close(os.open(path, os.O_RDONLY))
        except OSError as error:
            tap.skip("no device can be made here: %s" % error)
        before = os.stat(path)
        done = place.run("settings", "--write", "--rate", "50", "--config", path)
        tap.equal((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        assert "it is no regular file" in done.stderr, done.stderr
        tap.equal(os.stat(path).st_ino, before.st_ino, "inode")
        assert stat.S_ISCHR(os.stat(path).st_mode), "it was replaced"


@tap.test("--write into a folder that cannot be: one line")
def _():
    with home() as place:
        place.environment["XDG_CONFIG_HOME"] = place.write("", os.path.join(place.path, "file"))
        done = place.run("settings", "--write")
        tap.equal((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        assert place.environment["XDG_CONFIG_HOME"] in done.stderr, done.stderr


@tap.test("wrong command lines")
def _():
    proftop.fails(["settings", "--set", "rat=5"], "rate", status=2)
    proftop.fails(["settings", "--set", "rate"], "KEY=VALUE", status=2)
    proftop.fails(["settings", "--rate", "0"], "--rate takes 1 to 100000", status=2)
    proftop.fails(["settings", "--interval", "1y"], "--interval takes a time", status=2)
    proftop.fails(["settings", "--native", "--no-native"], "exclude", status=2)
    proftop.fails(["settings", "--write", "--check"], "exclude", status=2)
    proftop.fails(["settings", "file"], "usage", status=2)
    proftop.fails(["report", "x.ptop", "--rate", "5"], "does not go with", status=2)
    proftop.fails(["report", "x.ptop", "--write"], "does not go with", status=2)


@tap.test("record does as the file says, and as the command line says rather")
def _():
    with home() as place, targets.started(["sleep", "60"]) as target:
        place.write("rate = 37\nwrong = 1\n")
        for more, rate in ((), 37), (("-r", "250"), 250):
            path = os.path.join(place.path, "%d.ptop" % rate)
            done = place.run("record", "-p", target.pid, "-o", path, "-d", "0.3", *more)
            tap.equal(done.returncode, 0, done.stderr)
            assert "proftop: %s:2: unknown setting" % place.user in done.stderr, done.stderr
            tap.equal(proftop.report(path)["rate_hz"], rate, "rate")


tap.main()
