#!/usr/bin/env python3
"""Measures what one client's long queries cost everybody else.

    make -C bench/side_by_side && bench/fairness.py [--rounds 5] [--seconds 4] [--rate 2000]

Starts build/release/discoveryd, fills it with 100,000 keys and 100,000 instances of one service, and takes the
latency of others' kv_get (open loop, 16 connections) in turns: idle, then while one client does nothing but
long queries, one after another, while 10,000 watchers of a service are told of a change twice a second, and while
10,000 watchers are killed, of this agent and, to tell what the killing costs by itself, of another program. Prints the
medians over the rounds.
"""
import argparse
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOAD = os.path.join(ROOT, "bench/side_by_side/build/httpload")
PEERS = os.path.join(ROOT, "bench/side_by_side/build/peers")
FANOUT = os.path.join(ROOT, "bench/side_by_side/build/fanout")
CLIENTS = ["taskset", "-c", str(os.cpu_count() - 1)]  # where all clients run
DAEMON = os.path.join(ROOT, "build/release/discoveryd")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(method, path, body=b""):
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n"
    if body:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def registration(service, number, port):
    return request("PUT", "/v1/catalog/register", json.dumps(
        {"Node": f"n{number}", "Address": "10.0.0.0", "SkipNodeUpdate": True,
         "Service": {"Service": service, "ID": f"{service}-{number}", "Port": port,
                     "Meta": {"padding": "x" * 800}}}).encode())


class Bench:
    def __init__(self, options):
        self.options = options
        self.dir = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.server = None

    def __enter__(self):
        self.server = subprocess.Popen(
            [DAEMON, "agent", "-dev", "-http-port", str(self.port), "-dns-port", "-1", "-log-level", "warn",
             "-hcl=limits { http_max_conns_per_client = 15000 }"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise SystemExit("discoveryd did not start")

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        self.dir.cleanup()

    def requests(self, name, list_of_requests):
        path = os.path.join(self.dir.name, name)
        with open(path, "wb") as out:
            for one in list_of_requests:
                out.write(struct.pack("<I", len(one)) + one)
        return path

    def load(self, file, *more):
        return [*CLIENTS, LOAD, "--port", str(self.port), "--requests", file, *map(str, more)]

    def once(self, file):
        out = json.loads(subprocess.check_output(self.load(file, "--conns", 32, "--once")))
        if out["non2xx"]:
            raise SystemExit(f"{out['non2xx']} requests failed, first with {out['first_bad_status']}")

    def fill(self):
        count = self.options.count
        value = b"v" * 100
        self.once(self.requests("keys", [request("PUT", f"/v1/kv/big/{n:06}", value) for n in range(count)]))
        self.once(self.requests("small", [request("PUT", f"/v1/kv/small/{n}", b"value") for n in range(100)]))
        instances = []
        for n in range(count):
            body = {"Node": f"n{n // 10}", "Address": f"10.0.{n // 2560}.{n // 10 % 256}",
                    "SkipNodeUpdate": n % 10 != 0,
                    "Service": {"Service": "web", "ID": f"web-{n}", "Port": 1000 + n % 1000,
                                "Tags": ["v1", f"shard-{n % 100}"]}}
            instances.append(request("PUT", "/v1/catalog/register", json.dumps(body).encode()))
        firsts = instances[::10]
        self.once(self.requests("nodes", firsts))
        self.once(self.requests("instances", [i for at, i in enumerate(instances) if at % 10]))

    def measuring(self):
        """Goes before the other clients, which share its processor: what they take of that is not the agent's doing."""
        first = ["chrt", "-f", "5"] if os.geteuid() == 0 else []
        return subprocess.Popen(first + self.load(self.gets, "--conns", 16, "--rate", self.options.rate, "--duration",
                                                  self.options.seconds), stdout=subprocess.PIPE)

    def measure(self):
        return json.loads(self.measuring().communicate()[0])

    def compare(self, name, disturbing):
        """Idle, and while one client sends the requests of `disturbing`."""
        idle, busy, others = [], [], 0
        for _ in range(self.options.rounds):
            idle.append(self.measure())
            client = subprocess.Popen(self.load(disturbing, "--conns", 1, "--duration",
                                                self.options.seconds + 1), stdout=subprocess.PIPE)
            time.sleep(0.5)
            busy.append(self.measure())
            done = json.loads(client.communicate()[0])
            if done["non2xx"]:
                print(f"  {done['non2xx']} long queries failed, first with {done['first_bad_status']}")
            others += done["requests"]
        self.report(name, idle, busy, "the other client had "
                    f"{others / (self.options.rounds * (self.options.seconds + 1)):.1f} requests a second answered")

    @staticmethod
    def park(port, path, triggers, watchers, changes):
        """Clients that wait, each on a connection of its own; they go on when they are sent a line."""
        client = subprocess.Popen(
            [*CLIENTS, FANOUT, "--port", str(port), "--watchers", str(watchers), "--path", path, "--sources", "4",
             "--rounds", str(changes), "--settle-ms", "500", "--triggers", triggers, "--interactive"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if client.stdout.readline().strip() != "parked":
            raise SystemExit("the watchers did not come to wait")
        return client

    def compare_with_leaving(self, name, port, path, triggers, watchers=10000):
        """With the watchers, and while they are killed."""
        idle, busy = [], []
        for _ in range(self.options.rounds):
            client = self.park(port, path, triggers, watchers, 2)
            idle.append(self.measure())
            client_of_others = self.measuring()
            time.sleep(0.2)
            client.kill()
            busy.append(json.loads(client_of_others.communicate()[0]))
            client.wait()
        worst = statistics.median(run["max_us"] for run in busy)
        self.report(name, idle, busy, f"at most {worst / 1000:.1f} ms")

    def compare_with_fanout(self, name, path, triggers, watchers=10000):
        """Idle, and while changes are told to watchers, each on a connection of its own."""
        idle, busy, last = [], [], []
        changes = 2 * max(1, round(self.options.seconds))  # even, so that each run begins with a change
        for _ in range(self.options.rounds):
            time.sleep(1)  # for the watchers of the run before to be gone
            idle.append(self.measure())
            client = self.park(self.port, path, triggers, watchers, changes)
            client.stdin.write("\n")
            client.stdin.flush()
            busy.append(self.measure())
            done = json.loads(client.communicate()[0])
            if done["missing"] or done["spurious"]:
                print(f"  {done['missing']} wake-ups missing, {done['spurious']} for nothing")
            last.append(done["last_us"] / 1000)
        self.report(name, idle, busy, f"the last watcher was answered after {statistics.median(last):.0f} ms")

    @staticmethod
    def report(name, idle, busy, rest):
        def at(runs, what):
            return statistics.median(run[what] for run in runs)
        print(f"{name}: kv_get p50 {at(idle, 'p50_us'):.0f} -> {at(busy, 'p50_us'):.0f} us, "
              f"p99 {at(idle, 'p99_us'):.0f} -> {at(busy, 'p99_us'):.0f} us "
              f"({at(busy, 'p99_us') / at(idle, 'p99_us'):.1f} x); {rest}", flush=True)

    def run(self):
        self.fill()
        self.gets = self.requests("gets", [request("GET", f"/v1/kv/small/{n}") for n in range(100)])
        self.once(self.requests("few", [registration("few", n, 1) for n in range(10)]))
        changes = self.requests("change", [registration("few", 0, 2), registration("few", 0, 1)])
        if self.options.leaving:
            self.leaving(changes)
            return
        touch = [request("PUT", f"/v1/kv/big/{n:06}", b"w" * 100) for n in range(50)]
        recurse = request("GET", "/v1/kv/big/?recurse")
        self.compare("recurse, the same answer each time", self.requests("recurse", [recurse]))
        self.compare("recurse, a key changed before each",
                     self.requests("fresh", [one for put in touch for one in (put, recurse)]))
        def filtered(n):
            text = urllib.parse.quote(f'Service.Port == {n} and "shard-7" in Service.Tags')
            return request("GET", f"/v1/health/service/web?filter={text}")
        self.compare("filter, another one each time",
                     self.requests("filter", [filtered(n) for n in range(1000)]))
        touch = request("PUT", "/v1/catalog/register", json.dumps(
            {"Node": "n0", "Address": "10.0.0.0",
             "Service": {"Service": "web", "ID": "web-0", "Port": 1}}).encode())
        touches = [touch, touch.replace(b'"Port": 1}', b'"Port": 2}')]
        health = request("GET", "/v1/health/service/web")
        self.compare("all instances, one changed before each",
                     self.requests("health", [touches[0], health, touches[1], health]))
        self.compare_with_fanout("fan-out to 10,000 watchers", "/v1/health/service/few", changes)
        self.leaving(changes)

    def leaving(self, changes):
        self.compare_with_leaving("10,000 watchers are killed", self.port, "/v1/health/service/few", changes)
        port = free_port()
        other = subprocess.Popen([PEERS, "park", str(port)])
        time.sleep(0.3)
        self.compare_with_leaving("10,000 watchers of another program are killed", port, "/", changes)
        other.kill()
        other.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--leaving", action="store_true", help="nothing but the killing of watchers")
    options = parser.parse_args()
    for program in (LOAD, FANOUT, PEERS, DAEMON):
        if not os.path.exists(program):
            sys.exit(f"{program} is missing; see --help")
    with Bench(options) as bench:
        bench.run()


if __name__ == "__main__":
    main()
