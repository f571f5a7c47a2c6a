#!/usr/bin/env python3
"""Kills an agent in the middle of registrations, again and again, and starts it on the same data directory.

    tests/e2e/kill_nine.py [--rounds 10] [--seed N]

Every registration that was answered with 200 must be there after the next start, unless it was to be removed.
Exits with 1, and says what was lost, if one is not, or if the agent does not start. Loopback only.
"""

import argparse
import http.client
import os
import random
import signal
import sys
import tempfile
import threading
import time

from agent import Agent

CLIENTS = 4


class Ledger:
    """What was promised: `kept` for certain; what was to be removed may be there or not."""

    def __init__(self):
        self.lock = threading.Lock()
        self.kept = set()

    def register_until_dead(self, agent, name):
        connection = agent.connect()
        try:
            for number in range(1_000_000):
                service = {"ID": f"{name}-{number}", "Name": "web", "Port": number % 60000,
                           "Tags": ["x" * (number % 50)], "Check": {"TTL": "30s"}}
                if agent.request(connection, "PUT", "/v1/agent/service/register", service)[0] == 200:
                    with self.lock:
                        self.kept.add(service["ID"])
                if number % 5 == 4:
                    with self.lock:
                        self.kept.discard(service["ID"])
                    agent.request(connection, "PUT", f"/v1/agent/service/deregister/{service['ID']}")
        except (OSError, http.client.HTTPException):
            pass  # it is dead


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"kill_nine: seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "log"), "ab") as log:
        for life in range(options.rounds + 1):
            agent = Agent(["-server", "-bootstrap", "-node=n1", f"-data-dir={folder}/data", "-log-level=warn"], log)
            lost = ledger.kept - set(agent.get("/v1/agent/services"))
            if lost:
                agent.end(signal.SIGKILL)
                sys.exit(f"kill_nine: lost after {life} kills: {len(lost)}, such as {sorted(lost)[:3]}")
            if life == options.rounds:
                agent.end(signal.SIGTERM)
                break
            clients = [threading.Thread(target=ledger.register_until_dead, args=(agent, f"s-{life}-{n}"))
                       for n in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(chance.uniform(0.02, 0.4))
            agent.end(signal.SIGKILL)
            for client in clients:
                client.join()
    if not ledger.kept:
        sys.exit("kill_nine: nothing was ever registered")
    print(f"kill_nine: {options.rounds} kills, {len(ledger.kept)} registrations kept, none lost")


if __name__ == "__main__":
    main()
