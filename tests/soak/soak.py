"""Runs the ASGI example under load, and 10,000 tasks at a time that are cancelled at random.

    python tests/soak/soak.py --server-python build/py311/demo/bin/python [--minutes 60]

The server with its clients, the tasks on asyncio and those on trio are processes of their own that
run at the same time, with warnings as errors. At the end: is memory flat, was every request
answered, did every task end, has nobody warned?
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clients import Clients
from report import growth

HERE = Path(__file__).parent
CLIENTS = 40
SAMPLES = 40  # of the server: the load stops for each


def start(python, name, *arguments, stdout=subprocess.PIPE):
    command = [python, "-W", "error", HERE / name, *arguments]
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        encoding="utf-8",
    )


class Tasks:
    """A process whose lines are read at the end: from a file, since a pipe that is not read would block it."""

    def __init__(self, loop, seconds):
        self.lines = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = start(sys.executable, "tasks.py", loop, seconds, stdout=self.lines)

    def samples(self):
        self.process.wait()
        self.lines.seek(0)
        return [json.loads(line) for line in self.lines]


class Verdict:
    def __init__(self):
        self.wrong = []

    def judge(self, name, samples, wrong):
        """Prints a part's figures; what is wrong with them is kept."""
        if len(samples) < 4:
            wrong = [*wrong, f"{len(samples)} samples tell nothing"]
        else:
            for what, before, after, too_much in growth(samples):
                print(f"  {what:<8} {before:>14,.0f} -> {after:>14,.0f}")
                if too_much:
                    wrong = [*wrong, f"{what} grew from {before:,.0f} to {after:,.0f}"]
        self.wrong += [f"{name}: {sentence}" for sentence in wrong]

    def tasks(self, name, tasks):
        samples = tasks.samples()
        wrong = [f"exit status {tasks.process.returncode}"] if tasks.process.returncode else []
        last = samples[-1] if samples else {"wrong": ["no round"]}
        numbers = {key: value for key, value in last.items() if key in TASK_NUMBERS}
        print(f"tasks on {name}:", *(f"{value:,} {key}," for key, value in numbers.items()))
        self.judge(f"tasks on {name}", samples, wrong + last["wrong"])

    def server(self, clients, samples, status):
        wrong = clients.lost[:20] + samples[-1]["wrong"]
        if samples[-1]["handled"] != clients.tally["failures asked for"]:
            wrong.append(f"/fail has failed {samples[-1]['handled']} times")
        if status:
            wrong.append(f"exit status {status}")
        numbers = (f"{value:,} {key}," for key, value in clients.tally.items())
        print("requests:", *numbers, f"{len(clients.lost):,} lost")
        self.judge("server", samples, wrong)


TASK_NUMBERS = ["tasks", "finished", "cancelled", "blocks entered", "errors seen", "promises made", "work made"]


async def load_server(python, seconds):
    process = start(python, "server.py")
    try:
        clients = Clients(int(process.stdout.readline()), CLIENTS, seed=1)
        samples = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await clients.load(seconds / SAMPLES)
            samples.append(await clients.quiet_report())
        process.send_signal(signal.SIGINT)
        return clients, samples, process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server-python", required=True)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    seconds = options.minutes * 60
    loops = {name: Tasks(name, seconds) for name in ("asyncio", "trio")}
    verdict = Verdict()
    try:
        served = asyncio.run(load_server(options.server_python, seconds))
        for name, tasks in loops.items():
            verdict.tasks(name, tasks)
        verdict.server(*served)
    finally:
        for tasks in loops.values():
            tasks.process.kill()
            tasks.process.wait()
    print(*verdict.wrong, sep="\n")
    print(f"soak: {options.minutes:g} minutes, {'FAILED' if verdict.wrong else 'all is well'}")
    raise SystemExit(bool(verdict.wrong))


if __name__ == "__main__":
    main()
