#!/usr/bin/env python3
"""The three hot paths beside what bounds them, in one run: CPU of the server a request.

    make -C bench/side_by_side
    bench/hot_paths.py [--rounds 5] [--duration 3]

    path                    beside                                              at most
    kv_get c16              a static HTTP server                                1.7 x
    health 100 passing c16  a static HTTP server with a body of the same size   2.0 x
    DNS A 1                 nsd (Debian package)                                1.5 x

Each round measures a path and its bound one after the other, so that the machine's moods hit both alike; the
table shows medians, and the median of the rounds' ratios. Exits with 1 if a path is above its bound.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "side_by_side"))
import bench  # noqa: E402


class StaticServer:
    """A static HTTP server in the shape that bench.load() wants."""

    api = "static"

    def __init__(self, opts, port, body):
        self.opts, self.port = opts, port
        command = [os.path.join(HERE, "side_by_side", "build", "peers"), "http", str(port)]
        command += ["--body", str(body)] if body else []
        self.node = bench.Node(command, os.devnull, {}, "0")
        self.node.start()

    def pids(self):
        return self.node.pids()

    def addr(self, node=0):
        return "127.0.0.1", self.port

    def measure(self):
        return bench.load(self, "static", lambda: [bench.http_request("GET", "/v1/kv/bench/k000000")], 16)

    def stop(self):
        self.node.stop()


def compare(name, bound, ours, theirs, rounds):
    """Measures both in turn; prints a row; whether the bound holds."""
    pairs = []
    for _ in range(rounds):
        mine, other = ours(), theirs()
        if mine.get("errors"):
            sys.exit(f"{name}: {mine['errors']} errors")
        pairs.append((mine, other))
    ratio = statistics.median(a["cpu_us"] / b["cpu_us"] for a, b in pairs)

    def median(side, key):
        return statistics.median(pair[side][key] for pair in pairs)

    print(f"| {name} | {median(0, 'rps'):,.0f} | {median(0, 'cpu_us'):.2f} | {median(1, 'cpu_us'):.2f} | "
          f"{ratio:.2f} | {bound} | {median(0, 'p50_us'):.0f} | {median(0, 'p99_us'):.0f} | "
          f"{median(0, 'rss_mb'):.1f} | {100 * median(0, 'foreign'):.0f} % |", flush=True)
    return ratio <= bound


def targets(path, opts):
    with open(path) as f:
        found = {t["name"]: {"api": "consul", **t} for t in json.load(f)["targets"]}
    return bench.Instance(found["discoveryd"], opts), bench.Instance(found["nsd"], opts)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--duration", type=float, default=3, help="seconds of one measurement")
    p.add_argument("--warmup", type=float, default=1)
    p.add_argument("--port-base", type=int, default=21000)
    p.add_argument("--targets", default=os.path.join(HERE, "side_by_side", "targets.json"))
    p.add_argument("--only", default="", help="measure only the paths whose name has this in it")
    opts = p.parse_args()
    opts.pin, opts.keep = "split", False
    os.sched_setaffinity(0, {1})
    held = True
    with tempfile.TemporaryDirectory() as opts.workdir:
        agent, nsd = targets(opts.targets, opts)
        running = [agent, nsd]
        try:
            agent.start()
            nsd.start()
            scenarios = {s.name: s for s in bench.SCENARIOS}
            for name in ("kv_get", "health", "dns"):
                scenarios[name].setup(agent)
            body = len(agent.request("GET", "/v1/health/service/web100?passing")[1])
            plain = StaticServer(opts, opts.port_base + 900, 0)
            large = StaticServer(opts, opts.port_base + 901, body)
            running += [plain, large]
            print("| path | requests/s | CPU us | bound's CPU us | ratio | at most | p50 us | p99 us | RSS MB | foreign |")
            print("| --- " * 10 + "|")
            for name, bound, variant, other in (
                    ("kv_get", 1.7, "c16", plain.measure),
                    ("health", 2.0, "100 passing", large.measure),
                    ("dns", 1.5, "A 1", lambda: scenarios["dns"].measure(nsd, "A 1"))):
                if opts.only not in name:
                    continue
                held &= compare(f"{name} {variant}", bound, lambda: scenarios[name].measure(agent, variant), other,
                                opts.rounds)
        finally:
            for server in running:
                server.stop()
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
