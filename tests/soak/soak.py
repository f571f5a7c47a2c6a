#!/usr/bin/env python3
"""A day of an agent's life in miniature: mixed load for half an hour, and nothing may creep.

    tests/soak/soak.py [--minutes 30] [--seed N] [--keep-log FILE]

Services come and go, checks flap, watchers come, wait and vanish, keys, sessions and transactions are written, names
are asked for by DNS, and connections break off in the middle of a request, all at once and without a pause. Meanwhile
a polite client reads a key, and memory, descriptors and threads of the agent are looked at. The time is cut into ten
windows, of which the first two are for warming up: the last two may not be worse than the third and the fourth. In the
end everything that was made is taken away, and the agent must be as empty as it began. Exits with 1, and says what
went wrong, otherwise. Loopback only.
"""

import argparse
import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from actors import ACTORS, polite_client  # noqa: E402
from agent import Agent, eventually  # noqa: E402

WINDOWS = 10
WARM = slice(2, 4)
LATE = slice(8, 10)
PAGE = os.sysconf("SC_PAGE_SIZE")


def figures_of(process):
    """What the agent uses of the system now: bytes, descriptors, threads."""
    folder = f"/proc/{process.pid}"
    with open(f"{folder}/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * PAGE
    return {"resident": resident, "descriptors": len(os.listdir(f"{folder}/fd")),
            "threads": len(os.listdir(f"{folder}/task"))}


class Soak:
    def __init__(self, options):
        self.options = options
        self.failures = multiprocessing.Queue()
        self.latencies = multiprocessing.Queue()
        self.stop = multiprocessing.Event()
        self.windows = [{"resident": [], "descriptors": [], "threads": [], "latency": []} for _ in range(WINDOWS)]
        self.wrong = []

    def start_actors(self, agent):
        seeds = random.Random(self.options.seed)
        ports = (agent.port, agent.dns)
        actors = [multiprocessing.Process(target=guarded, args=(self.failures, actor, ports, self.stop,
                                                                seeds.randrange(1 << 32)), name=actor.__name__)
                  for actor in ACTORS]
        actors.append(multiprocessing.Process(target=guarded, args=(self.failures, polite_client, ports, self.stop,
                                                                    self.latencies), name="polite_client"))
        for actor in actors:
            actor.start()
        return actors

    def watch(self, agent):
        began = time.monotonic()
        length = self.options.minutes * 60 / WINDOWS
        for number, window in enumerate(self.windows):
            while time.monotonic() < began + (number + 1) * length and not self.wrong:
                time.sleep(min(1.0, length / 10))
                if agent.process.poll() is not None:
                    self.wrong.append(f"the agent ended with {agent.process.returncode}")
                    return
                for what, value in figures_of(agent.process).items():
                    window[what].append(value)
                while not self.latencies.empty():
                    window["latency"].extend(self.latencies.get())
                while not self.failures.empty():
                    self.wrong.append(self.failures.get())
            if self.wrong:
                return
            self.report(number, window)

    @staticmethod
    def report(number, window):
        latency = sorted(window["latency"]) or [0]
        print(f"window {number + 1:2}: {statistics.median(window['resident']) / 2**20:7.1f} MiB, "
              f"{statistics.median(window['descriptors']):5.0f} descriptors, {max(window['threads'])} threads; "
              f"a key in {latency[len(latency) // 2] * 1e6:5.0f} us (p50), {percentile(latency, 99) * 1e6:6.0f} us (p99)",
              flush=True)

    def compare(self):
        def median(part, what):
            return statistics.median(value for window in self.windows[part] for value in window[what])

        def p99(part):
            return percentile(sorted(value for window in self.windows[part] for value in window["latency"]), 99)

        def hold(what, before, after, limit):
            if after > limit:
                self.wrong.append(f"{what} crept from {before:.6g} to {after:.6g} (limit {limit:.6g})")

        resident = median(WARM, "resident")
        # In a short run the histories of checks, and what is kept for later, still fill.
        slack = (2 << 20) if self.options.minutes >= 10 else (8 << 20)
        hold("resident memory", resident, median(LATE, "resident"), resident * 1.05 + slack)
        hold("descriptors", median(WARM, "descriptors"), median(LATE, "descriptors"),
             median(WARM, "descriptors") * 1.1 + 10)
        hold("threads", median(WARM, "threads"), median(LATE, "threads"), median(WARM, "threads"))
        hold("the latency of a key (p99)", p99(WARM), p99(LATE), p99(WARM) * 2 + 0.001)

    def check_emptiness(self, agent, descriptors):
        """The actors have taken away what they had made."""
        for path, left in (("/v1/agent/services", {}), ("/v1/agent/checks", {}), ("/v1/session/list", [])):
            found = agent.get(path)
            if found != left:
                self.wrong.append(f"{path} still has {len(found)} entries: {str(found)[:300]}")
        names = agent.get("/v1/catalog/services")
        if set(names) != {"consul"}:
            self.wrong.append(f"the catalog still has services: {sorted(names)[:10]}")
        nodes = agent.get("/v1/catalog/nodes")
        if len(nodes) != 1:
            self.wrong.append(f"the catalog still has {len(nodes)} nodes")
        try:
            eventually("descriptors are given back",
                       lambda: figures_of(agent.process)["descriptors"] <= descriptors + 2)
        except TimeoutError as late:
            self.wrong.append(f"{late}: {figures_of(agent.process)['descriptors']}, {descriptors} at first")

    def run(self, log):
        agent = Agent(["-dev", "-node=n0", "-log-level=warn",
                       "-hcl=limits { http_max_conns_per_client = 4000 }"], log)
        try:
            agent.put("/v1/kv/polite")
            descriptors = figures_of(agent.process)["descriptors"]
            actors = self.start_actors(agent)
            try:
                self.watch(agent)
            finally:
                self.stop.set()
                for actor in actors:
                    actor.join(60)
                    if actor.exitcode is None:
                        actor.kill()
                        self.wrong.append(f"{actor.name} did not come to an end")
            while not self.failures.empty():
                self.wrong.append(self.failures.get())
            if not self.wrong:
                self.compare()
                self.check_emptiness(agent, descriptors)
            if agent.process.poll() is None and (code := agent.end(signal.SIGTERM)) not in (0, 1):  # 1: as Consul's servers
                self.wrong.append(f"the agent ended with {code}")
        finally:
            if agent.process.poll() is None:
                agent.process.kill()
        return self.wrong


def percentile(ordered, which):
    return ordered[min(len(ordered) - 1, len(ordered) * which // 100)] if ordered else 0.0


def guarded(failures, actor, *arguments):
    """Runs an actor; what it finds wrong is told to the soak."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        actor(*arguments)
    except Exception as wrong:  # pylint: disable=broad-except
        failures.put(f"{actor.__name__}: {type(wrong).__name__}: {wrong}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--keep-log", help="where the agent's log goes, to be looked at later")
    options = parser.parse_args()
    print(f"soak: seed {options.seed}, {options.minutes} minutes", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        with open(options.keep_log or os.path.join(folder, "log"), "ab") as log:
            wrong = Soak(options).run(log)
    for line in wrong:
        print(f"soak: {line}", file=sys.stderr)
    if wrong:
        sys.exit(1)
    print("soak: nothing crept")


if __name__ == "__main__":
    main()
