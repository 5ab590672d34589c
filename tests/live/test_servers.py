# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers under real load: they are described sensibly, and serve on unharmed.

Each is attached to by pid while its clients work; then it must answer, also when proftop is
killed in the middle of it."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import signal
import subprocess
import time
import urllib.request

import proftop
import tap
import targets

LOAD_S = 20  # longer than a test needs; a load ends with its test
RECORD_S = 4

FLASK_APP = """
from flask import Flask
app = Flask(__name__)

def count_words(text):
    words = {}
    for word in text.split():
        words[word] = words.get(word, 0) + 1
    return words

@app.route("/")
def front_page():
    return str(len(count_words("the quick brown fox jumps over the lazy dog " * 200)))
"""

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
const server = require("http").createServer((request, response) => response.end("alive\\n"));
server.listen(0, "127.0.0.1", () => {
  console.log("ready " + server.address().port);
  const turn = () => { countPrimes(20000); setImmediate(turn); };
  turn();
});
"""

NGINX_CONF = """
worker_processes 1;
daemon off;
pid %(place)s/nginx.pid;
error_log %(place)s/error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %(place)s/body;
    proxy_temp_path %(place)s/proxy;
    fastcgi_temp_path %(place)s/fastcgi;
    uwsgi_temp_path %(place)s/uwsgi;
    scgi_temp_path %(place)s/scgi;
    gzip on;
    gzip_min_length 1;
    gzip_comp_level 6;
    gzip_types text/plain;
    server {
        listen 127.0.0.1:%(port)d;
        root %(place)s;
        default_type text/plain;
    }
}
"""


def get(port):
    with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=10) as answer:
        return answer.status == 200


@contextlib.contextmanager
def wrk(port):
    command = [targets.tool("wrk"), "-t1", "-c8", "-d%ds" % LOAD_S]
    command += ["-H", "Accept-Encoding: gzip", "http://127.0.0.1:%d/" % port]
    with targets.started(command):
        yield


@contextlib.contextmanager
def redis(place):
    """redis-server under redis-benchmark: its pid, and whether it answers."""
    server, client = targets.tool("redis-server"), targets.tool("redis-cli")
    path = os.path.join(place, "redis.sock")
    command = [server, "--port", "0", "--unixsocket", path, "--save", "", "--dir", place]
    with targets.started(command) as process:

        def answers():
            ping = [client, "-s", path, "ping"]
            said = subprocess.run(ping, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            return b"PONG" in said.stdout

        targets.wait_for(answers, "redis-server's answer")
        load = [targets.tool("redis-benchmark"), "-s", path, "-q", "-l", "-t", "set,lpush,zadd"]
        with targets.started(load):
            yield process.pid, answers


@contextlib.contextmanager
def nginx(place):
    """An nginx worker under wrk, which it sends a compressed page."""
    with open(os.path.join(place, "index.html"), "w") as page:
        page.write("proftop looks at nginx. " * 1000)
    os.chmod(place, 0o755)  # the worker runs as another user
    port = targets.free_port()
    conf = os.path.join(place, "nginx.conf")
    with open(conf, "w") as text:
        text.write(NGINX_CONF % {"place": place, "port": port})
    with targets.started([targets.tool("nginx"), "-p", place, "-c", conf]) as master:
        targets.wait_for(lambda: targets.answers(port), "nginx's port")
        worker = targets.wait_for(lambda: targets.children(master.pid), "nginx's worker")[0]
        with wrk(port):
            yield worker, lambda: get(port)


@contextlib.contextmanager
def gunicorn(place):
    """A gunicorn worker with a flask app, under wrk."""
    python = "/usr/bin/python3"
    found = subprocess.run([python, "-c", "import flask, gunicorn"], stderr=subprocess.DEVNULL)
    tap.require(found.returncode == 0, "no flask and gunicorn for " + python)
    with open(os.path.join(place, "words.py"), "w") as app:
        app.write(FLASK_APP)
    port = targets.free_port()
    command = [python, "-m", "gunicorn", "--workers", "1", "--bind", "127.0.0.1:%d" % port]
    command += ["--worker-tmp-dir", place, "words:app"]
    with targets.started(command, cwd=place) as master:
        targets.wait_for(lambda: targets.answers(port) and get(port), "gunicorn's answer")
        worker = targets.wait_for(lambda: targets.children(master.pid), "gunicorn's worker")[0]
        with wrk(port):
            yield worker, lambda: get(port)


@contextlib.contextmanager
def node(place):
    """node in a loop that leaves it time to answer."""
    command = [targets.tool("node"), "-e", NODE_LOOP]
    with targets.started(command, stdout=subprocess.PIPE) as process:
        words = process.stdout.readline().split()
        assert words[:1] == [b"ready"], "node said %r" % words
        yield process.pid, lambda: get(int(words[1]))


def python_functions(shown):
    return {row["name"] for row in shown["rows"] if row["language"] == "python"}


def modules(shown):
    return {os.path.basename(row["module"]) for row in shown["rows"] if row["module"]}


def looks_like_redis(shown):
    assert any(name.startswith("redis") for name in modules(shown)), modules(shown)
    waits = {"epoll_wait", "__libc_write", "write", "read", "__read", "__write"}
    tap.note("redis shows a system call's wrapper:", waits & {row["name"] for row in shown["rows"]})


def looks_like_nginx(shown):
    assert "nginx" in modules(shown), modules(shown)
    assert any(name.startswith("libz.so") for name in modules(shown)), modules(shown)


def looks_like_gunicorn(shown):
    names = python_functions(shown)
    assert "count_words" in names, sorted(names)
    assert "front_page" in names and "Flask.wsgi_app" in names, sorted(names)
    rows = [row for row in shown["rows"] if row["name"] == "count_words"]
    tap.equal(os.path.basename(rows[0]["file"]), "words.py", "file of count_words")


def looks_like_node(shown):
    assert "node" in modules(shown), modules(shown)
    top = shown["rows"][0]
    assert top["self_pct"] > 50, "the loop is not on top: %r" % top


SERVERS = [(redis, looks_like_redis), (nginx, looks_like_nginx)]
SERVERS += [(gunicorn, looks_like_gunicorn), (node, looks_like_node)]


def unharmed(pid, answers):
    targets.wait_for(lambda: targets.tracer_of(pid) == 0, "the end of tracing", 5)

    def nothing_stopped():
        return not set(targets.thread_states(pid).values()) & {"T", "t"}

    assert targets.thread_states(pid), "the server has gone"
    targets.wait_for(nothing_stopped, "every thread to be let go", 5)
    assert answers(), "it does not answer"


def check_watched(server, looks_right):
    with targets.folder() as place, server(place) as (pid, answers):
        recording = os.path.join(place, "server.ptop")
        before = targets.cpu_s(pid)
        watching = ["record", "-p", str(pid), "-o", recording, "-r", "250", "-d", str(RECORD_S)]
        with proftop.started(*watching) as process:
            answered = 0
            while process.poll() is None:
                assert answers(), "it does not answer while it is watched"
                answered += 1
                time.sleep(0.1)
            tap.equal(process.returncode, 0, "exit status of record")
        assert answered >= RECORD_S, "answered only %d times" % answered
        assert targets.cpu_s(pid) > before, "it did no work"
        unharmed(pid, answers)
        shown = proftop.report(recording)
        assert shown["rows"], "the table is empty"
        for row in shown["rows"][:12]:
            tap.note("%(self_pct)6.2f %(total_pct)6.2f %(name)s %(module)s" % row)
        tap.equal(shown["target"]["pid"], pid, "target's pid")
        looks_right(shown)


def check_killed(server, _):
    with targets.folder() as place, server(place) as (pid, answers):
        for number in range(5):
            part = os.path.join(place, "%d.ptop" % number)
            watching = ["record", "-p", str(pid), "-o", part, "-r", "1000"]
            with proftop.started(*watching) as process:
                targets.wait_for(lambda: os.path.exists(part + ".part"), "the recording")
                time.sleep(0.05 + 0.07 * number)  # kill it in moments of any kind
                process.send_signal(signal.SIGKILL)
                process.wait()
            unharmed(pid, answers)


for server, looks_right in SERVERS:
    serves = "%s under load: a sensible table, and it serves on" % server.__name__
    tap.test(serves, server, looks_right, slow=server is not redis)(check_watched)
    killed = "%s under load: unharmed when proftop is killed" % server.__name__
    tap.test(killed, server, looks_right, slow=server is not redis)(check_killed)
tap.main()
