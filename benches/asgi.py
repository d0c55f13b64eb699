"""examples/asgi under load: the application in C against the same in Python, both under uvicorn."""

import os
import re
import shutil
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples" / "asgi"
APPLICATIONS = {"ours": "webapp:app", "native": "in_python:app"}
CONNECTIONS = 32

# What is asked for, and the program for wrk, if it needs one.
REQUESTS = {"GET /": ("/", None), "POST /sha256, 1 KiB": ("/sha256", HERE / "post.lua")}

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def wrk_version():
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    # It has no option that prints the version and succeeds.
    told = subprocess.run([wrk, "--version"], capture_output=True, text=True).stdout
    return told.split()[1]


def on_processors(processors):
    """For a process about to be started: keeps server and client from sharing a processor."""
    if processors:
        os.sched_setaffinity(0, processors)


def split_processors():
    """The processors of the server, and those of the client."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    all_of_them = sorted(os.sched_getaffinity(0))
    return set(all_of_them[-1:]), set(all_of_them[:-1])


@contextmanager
def server(application, library, processors):
    """The address of a uvicorn in a separate process."""
    command = [sys.executable, "-m", "uvicorn", application, "--lifespan", "on"]
    command += ["--host", "127.0.0.1", "--port", "0", "--http", "httptools", "--loop", "uvloop"]
    command += ["--no-access-log", "--no-proxy-headers"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": f"{library}{os.pathsep}{EXAMPLE}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: on_processors(processors),
    )
    log = []
    try:
        for line in process.stdout:
            log.append(line)
            running = re.search(r"running on (http://\S+)", line)
            if running:
                break
        else:
            raise RuntimeError(f"{application} did not start:\n{''.join(log)}")
        yield running[1]
    finally:
        process.terminate()
        process.communicate()


def parse(output):
    """Requests per second, and seconds by percentile."""
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"not all requests succeeded:\n{output}")
    found = {"requests/s": float(re.search(r"Requests/sec:\s*([\d.]+)", output)[1])}
    for percent, number, unit in re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)$", output, re.M):
        found[f"p{percent}"] = float(number) * UNITS[unit]
    return found


def load(url, seconds, script, processors):
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s", "--latency"]
    if script is not None:
        command += ["--script", str(script)]
    finished = subprocess.run(
        [*command, url],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: on_processors(processors),
    )
    return parse(finished.stdout)


def medians(samples):
    return {key: statistics.median(one[key] for one in samples) for key in samples[0]}


def alternate(urls, path, script, rounds, seconds, processors):
    """Each application in turn, the order reversed every time."""
    for url in urls.values():
        load(url + path, 1, script, processors)
    samples = {name: [] for name in urls}
    order = list(urls)
    for _ in range(rounds):
        for name in order:
            samples[name].append(load(urls[name] + path, seconds, script, processors))
        order.reverse()
    return {name: medians(found) for name, found in samples.items()}


def measure(rounds, seconds, library):
    """Results for each kind of request, or the reason why there are none."""
    if wrk_version() is None:
        print("asgi: left out, wrk is not on PATH", flush=True)
        return {"left out": "wrk was not there"}
    servers, clients = split_processors()
    with ExitStack() as stack:
        urls = {name: stack.enter_context(server(application, library, servers)) for name, application in APPLICATIONS.items()}
        found = {}
        for title, (path, script) in REQUESTS.items():
            print(f"asgi: {title}", flush=True)
            found[title] = alternate(urls, path, script, rounds, seconds, clients)
        return found
