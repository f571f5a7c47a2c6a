#!/usr/bin/env python3
"""Runs the examples as a user would: each by itself, then three candidates for the lead at one agent, of which the one
that leads is killed.

    tests/e2e/examples.py

Exits with 1, and says what went otherwise, if something did.
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time

from agent import Agent, ROOT, eventually

FOLDER = os.path.join(ROOT, "build/release/examples")
ALONE = {
    "register_and_watch": "removed  web",
    "balance_over_failing_fleet": ", 0 failed",
    "live_configuration": "changed  config/web/color = red",
    "health_checks_alone": "queue is critical: the queue is full",
    "asio_host": "1 instance of web",
    "anywhere": "anywhere on 127.0.0.1:8080",
    "worker_pool": "10 workers are done",
    "atomic_configuration": "200 swaps",
    "recipes": "all recipes are done",
}
TAKES_OVER = 3  # seconds after the death of who leads, with the defaults


def run_alone(name, expected, *arguments):
    process = subprocess.run([os.path.join(FOLDER, name), *arguments], capture_output=True, text=True, timeout=60)
    if process.returncode != 0 or expected not in process.stdout:
        raise ValueError(f"{name}: exit code {process.returncode}, output {process.stdout!r} {process.stderr!r}")
    print(f"examples: {name}: {process.stdout.splitlines()[-1]}")


class Candidate:
    def __init__(self, name, url):
        self.name = name
        self.lines = queue.Queue()
        self.seen = []
        self.process = subprocess.Popen([os.path.join(FOLDER, "leader_election"), name, url], stdout=subprocess.PIPE,
                                        text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def has_said(self, text):
        while not self.lines.empty():
            self.seen.append(self.lines.get())
        return any(text in line for line in self.seen)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def elect(url):
    candidates = [Candidate(name, url) for name in ("alice", "bob", "carol")]
    try:
        def leaders():
            return [c for c in candidates if c.process.poll() is None and c.has_said(f"{c.name} leads with fence")]
        first = eventually("one of three leads", leaders)
        if len(first) != 1:
            raise ValueError(f"{[c.name for c in first]} lead at once")
        for candidate in candidates:
            eventually(f"{candidate.name} sees who leads", lambda c=candidate: c.has_said(f"leader: {first[0].name}"))
        first[0].end()
        killed = time.monotonic()
        second = eventually("another one takes over", leaders)
        took = time.monotonic() - killed
        print(f"examples: leader_election: {first[0].name} was killed, {second[0].name} leads {took:.2f} s later")
        if took > TAKES_OVER:
            raise ValueError(f"that took more than {TAKES_OVER} s")
    finally:
        for candidate in candidates:
            candidate.end()


def main():
    for name, expected in ALONE.items():
        run_alone(name, expected)
    with tempfile.TemporaryFile("w+") as log:
        agent = Agent(["-dev"], log)
        try:
            url = f"http://127.0.0.1:{agent.port}"
            run_alone("anywhere", "anywhere on 127.0.0.1:8080", url)
            elect(url)
        finally:
            agent.process.kill()
            agent.process.wait()


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, subprocess.TimeoutExpired) as problem:
        print(f"examples: {problem}", file=sys.stderr)
        sys.exit(1)
