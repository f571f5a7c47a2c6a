#!/usr/bin/env python3
"""Floods an agent's DNS with random and mutated packets at full speed, while one client asks in earnest.

    tests/e2e/dns_flood.py [--packets 2000000] [--seed N]

The agent must answer that client throughout, must not end, must not grow, and no answer to a query without EDNS may
be larger than 512 bytes. Exits with 1, and says what went wrong, otherwise. Loopback only.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile

from agent import ROOT, Agent

FLOOD = os.path.join(ROOT, "build/release/tests/dns_flood")
MAX_GROWTH = 96 << 20  # bytes: the cache of answers (64 MiB), and what allocators keep


def resident(process):
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def flood(agent, packets, seed):
    run = subprocess.run([FLOOD, str(agent.dns), str(packets), str(seed), "one.service.consul", "192.0.2.1"],
                         capture_output=True, text=True, check=False)
    sys.stdout.write(run.stdout)
    if run.returncode != 0:
        sys.exit(f"dns_flood: failed with seed {seed}: {run.stderr}")
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"dns_flood: seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "log"), "ab") as log:
        agent = Agent(["-dev", "-node=n0", "-log-level=warn"], log)
        try:
            for name, count in (("one", 1), ("web", 3), ("many", 100)):
                for number in range(1, count + 1):
                    agent.put("/v1/catalog/register", {"Node": f"{name}{number}", "Address": f"192.0.2.{number}",
                                                       "NodeMeta": {"key": "x" * 100},
                                                       "Service": {"Service": name, "Port": number}})
            # The first half fills what is bounded, the second must find it so.
            flood(agent, options.packets // 2, options.seed)
            half = resident(agent.process)
            flood(agent, options.packets - options.packets // 2, options.seed + 1)
            full = resident(agent.process)
            print(f"dns_flood: {half >> 20} MiB resident after the first half, {full >> 20} MiB after the second")
            if agent.process.poll() is not None:
                sys.exit(f"dns_flood: the agent ended with {agent.process.returncode}")
            if full > MAX_GROWTH or full > half * 1.1 + (4 << 20):
                sys.exit("dns_flood: the agent grew")
        finally:
            if agent.process.poll() is None:
                code = agent.end(signal.SIGTERM)
    if code < 0:
        sys.exit(f"dns_flood: the agent ended by signal {-code}")


if __name__ == "__main__":
    main()
