"""Serves the application in C, and in_python.py beside it, with one server after the other, and tells what comes of it.

    python examples/asgi/servers.py [--write] [name ...]

Needs an interpreter with pyawaitable and what servers.txt names: `make servers` makes one. --write puts the rows into the
table of the README.md beside this file, where those of other versions of Python stay. Exit status 1: a server does not serve
the application in C as it serves the other. SHOW_LOGS=1 prints what a server says that fails.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

HERE = pathlib.Path(__file__).resolve().parent
README = HERE / "README.md"
BEGIN, END = "<!-- servers.py -->\n", "<!-- end -->\n"
HEAD = "| server | Python | in C | in Python |\n|---|---|---|---|\n"


class Server:
    """How to start it."""

    def __init__(self, name, packages, command):
        self.name = name
        self.packages = packages
        self.command = command

    def title(self):
        return f"{self.name} ({', '.join(f'{package} {version(package)}' for package in self.packages)})"

    def start(self, application):
        port = free_port()
        words = self.command.format(app=application, port=port).split()
        return Running([sys.executable, "-m", *words], port)


SERVERS = [
    Server("uvicorn", ["uvicorn"], "uvicorn {app} --host 127.0.0.1 --port {port}"),
    Server("hypercorn, asyncio", ["hypercorn"], "hypercorn {app} --bind 127.0.0.1:{port}"),
    Server("hypercorn, trio", ["hypercorn", "trio"], "hypercorn {app} --bind 127.0.0.1:{port} -k trio"),
    Server("granian", ["granian"], "granian {app} --interface asgi --host 127.0.0.1 --port {port}"),
    Server("daphne", ["daphne"], "daphne {app} -b 127.0.0.1 -p {port}"),
    Server("gunicorn, its `asgi` worker", ["gunicorn"], "gunicorn {app} -k asgi -b 127.0.0.1:{port}"),
    Server(
        "gunicorn, uvicorn's worker",
        ["gunicorn", "uvicorn-worker"],
        "gunicorn {app} -k uvicorn_worker.UvicornWorker -b 127.0.0.1:{port}",
    ),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server of its own process group, in a folder with the applications."""

    def __init__(self, command, port):
        self.port = port
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        shutil.copy(HERE / "in_python.py", folder)
        self.log = open(folder / "log", "w+b")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self):
        """True as soon as it takes connections, False if it ends or takes too long."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
            time.sleep(0.1)
        return False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # workers that are left
        self.log.close()
        self.folder.cleanup()

    def ask(self, method, path, **options):
        """The status, the body, and how many seconds its parts took to arrive."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            with contextlib.suppress(BrokenPipeError):  # an answer may come before the request is whole
                connection.request(method, path, **options)
            answer = connection.getresponse()
            parts = []
            while part := answer.read1():
                parts.append((time.monotonic(), part))
            took = parts[-1][0] - parts[0][0] if parts else 0.0
            return answer.status, b"".join(part for _, part in parts), took


def body_in_parts():
    for part in (b"one", b"two", b"three"):
        yield part
        time.sleep(0.05)


STREAM = b"".join(b"part %d of 5\n" % number for number in range(1, 6))


def is_index(status, body, took):
    return (status, body) == (200, b"Written in C.\n")


def is_digest(status, body, took):
    return status == 200 and json.loads(body)["sha256"] == hashlib.sha256(b"onetwothree").hexdigest()


def is_stream(status, body, took):
    return (status, body) == (200, STREAM) and took > 0.05


def is_error_page(status, body, took):
    return (status, body) == (500, b"500: RuntimeError: this handler always fails\n")


def is_tally(status, body, took):
    return (status, body) == (200, b'{"uploads": 0, "cancelled": 0}')


def is_missing_state(status, body, took):
    return status == 500 and body.startswith(b"500: KeyError: ")


IN_PARTS = {"body": body_in_parts, "encode_chunked": True, "headers": {"Transfer-Encoding": "chunked"}}
REQUESTS = [
    ("GET /", is_index, {}),
    ("POST /sha256", is_digest, IN_PARTS),
    ("GET /stream", is_stream, {}),
    ("GET /fail", is_error_page, {}),
]


def ask_all(running):
    """What happens, in a few words, and whether that is as it should be."""
    failed = {}
    for name, is_right, options in REQUESTS:
        options = {key: value() if callable(value) else value for key, value in options.items()}
        try:
            answer = running.ask(*name.split(), **options)
        except (OSError, http.client.HTTPException) as error:
            failed[name] = type(error).__name__
        else:
            if not is_right(*answer):
                failed[name] = str(answer[0])
    if not failed:
        return "works" + without_lifespan(running), True
    time.sleep(0.5)
    if running.process.poll() is not None:
        return "the server ends at the first request" if len(failed) == len(REQUESTS) else "the server ends", False
    if len(failed) == len(REQUESTS) and len(set(failed.values())) == 1:
        return f"{failed['GET /']} to every request", False
    return ", ".join(f"`{name}` fails ({why})" for name, why in failed.items()), False


def without_lifespan(running):
    answer = running.ask("GET", "/stats")
    if is_tally(*answer):
        return ""
    return "; no lifespan: 500 to /stats" if is_missing_state(*answer) else f"; {answer[0]} to /stats"


def serve(server, application):
    with server.start(application) as running:
        outcome = ask_all(running) if running.wait() else ("does not start", False)
        if not outcome[1] and os.environ.get("SHOW_LOGS"):
            running.log.seek(0)
            sys.stderr.write(running.log.read().decode(errors="replace"))
    return outcome


def row(server):
    """The cells of the table, and whether both are served in the same way."""
    outcomes = [serve(server, application) for application in ("webapp:app", "in_python:app")]
    return [told for told, _ in outcomes], outcomes[0] == outcomes[1]


def write(rows):
    """Puts the rows into the table, in place of those of the same servers under the same Python."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    table, after = rest.split(END)
    names = [server.name for server in SERVERS]

    def place(line):
        name = line.split("|")[1].split(" (")[0].strip()
        minor = re.search(r"\| 3\.(\d+)", line)[1]
        return names.index(name), int(minor)

    lines = {place(line): line for line in [*table.splitlines(keepends=True)[2:], *rows]}
    lines = [lines[key] for key in sorted(lines)]
    README.write_text(before + BEGIN + HEAD + "".join(lines) + END + after, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the rows into README.md")
    parser.add_argument("names", nargs="*", help="the servers whose name begins so")
    options = parser.parse_args()
    status, rows = 0, []
    print(HEAD, end="", flush=True)
    for server in SERVERS:
        if options.names and not server.name.startswith(tuple(options.names)):
            continue
        cells, good = row(server)
        status |= not good
        rows.append("| " + " | ".join([server.title(), platform.python_version(), *cells]) + " |\n")
        print(rows[-1], end="", flush=True)
    if options.write:
        write(rows)
    return status


if __name__ == "__main__":
    sys.exit(main())
