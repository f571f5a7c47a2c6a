#!/usr/bin/env python3
"""Goes over limits of an agent (docs/limits.md), and looks for what the page promises: the answer, and the metric that
counts it.

    tests/e2e/limits.py

Exits with 1, and says what went otherwise, if something did.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import struct
import sys
import tempfile

from agent import PATIENCE, ROOT, eventually
from agent_process import Agent

CONFIG = {"telemetry": {"prometheus_retention_time": "1h", "disable_hostname": True}, "check_update_interval": "0s",
          "limits": {"http_max_conns_per_client": 80}}
STREAMS = 64
BOUND_SESSIONS = 1024
failed = []


def expect(what, condition, found):
    if not condition:
        failed.append(f"{what}: {found!r}")


class World:
    def __init__(self, agent):
        self.agent = agent

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.agent.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    def metric(self, name, **labels):
        """The value of a metric; 0 where there is none yet."""
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        line = "^" + re.escape(f"consul_{name}" + (f"{{{text}}}" if text else "")) + r" (\S+)$"
        found = re.search(line, self.ask("GET", "/v1/agent/metrics?format=prometheus")[1], re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    @contextlib.contextmanager
    def counts(self, name, **labels):
        before = self.metric(name, **labels)
        yield
        try:
            eventually(name, lambda: self.metric(name, **labels) > before, 5)
        except TimeoutError:
            failed.append(f"{name} {labels} has not counted")

    def refused(self, what, status, text, method, path, body=None, headers=None):
        found = self.ask(method, path, body, headers)
        expect(what, found[0] == status and text in found[1], (found[0], found[1][:200]))


def bodies(world):
    expect("a value of 512 KiB", world.ask("PUT", "/v1/kv/k", b"x" * (512 << 10))[0] == 200, "")
    with world.counts("api_http_bodies_too_large"):
        world.refused("a longer one", 413, "too large, max size: 524288 bytes", "PUT", "/v1/kv/k", b"x" * ((512 << 10) + 1))
    world.refused("one of 10 MB, of which all is sent", 413, "too large", "PUT", "/v1/kv/k", b"x" * 10_000_000)
    world.refused("a transaction's body", 413, "too large, max size: 524288 bytes", "PUT", "/v1/txn", b" " * ((512 << 10) + 1))
    world.refused("any other body", 413, "too large, max size: 2097152 bytes", "PUT", "/v1/catalog/register", None,
                  {"Content-Length": str((2 << 20) + 1)})  # is refused before it comes
    operations = [{"KV": {"Verb": "get", "Key": "k"}}] * 65
    with world.counts("api_http_over_limit", limit="transaction"):
        world.refused("65 operations", 413, "too many operations (65 > 64)", "PUT", "/v1/txn", json.dumps(operations))


def heads(world):
    with world.counts("api_http_bad_requests"):
        world.refused("a head over 1 MiB", 431, "431", "GET", "/v1/kv/k", None, {"X-Long": "x" * ((1 << 20) + 4096)})
    world.refused("a URL over 1 MiB", 431, "431", "GET", "/v1/kv/" + "x" * ((1 << 20) + 4096))
    world.refused("1,001 fields", 431, "431", "GET", "/v1/kv/k", None, {f"X-{i}": "x" for i in range(1001)})
    with world.counts("api_http_over_limit", limit="query_parameters"):
        world.refused("1,025 parameters", 400, "Too many query parameters", "GET", "/v1/kv/k?" + "&".join("a" * 1025))


def expressions(world):
    quoted = {" ": "%20", '"': "%22"}

    def refuse(what, text, expression):
        encoded = "".join(quoted.get(c, c) for c in expression)
        status, answer = world.ask("GET", "/v1/agent/services?filter=" + encoded)
        expect(what, status in (400, 500) and text in answer, (status, answer[:200]))
    refuse("a filter over 64 KiB", "longer than 65536", "Service==" + "x" * 65536)
    refuse("a filter that nests over 64", "deeper than 64", "(" * 65 + "Service==x" + ")" * 65)
    refuse("over 4,096 comparisons", "more than 4096", " or ".join(["ID==x"] * 4097))
    refuse("over 64 patterns", "more than 64", " or ".join(['ID matches "x"'] * 65))
    deep = '{"Meta":' + "[" * 200 + "]" * 200 + "}"
    status, answer = world.ask("PUT", "/v1/agent/service/register", deep)
    expect("JSON that nests over 128", status == 400, (status, answer[:200]))


def crowds(world):
    with contextlib.ExitStack() as stack:
        # The agent is asked over further connections meanwhile, so fewer are kept than it allows.
        streams = []
        for _ in range(STREAMS):
            connection = stack.enter_context(contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", world.agent.port, timeout=PATIENCE)))
            connection.request("GET", "/v1/agent/monitor")
            streams.append(connection.getresponse())
        with world.counts("api_http_over_limit", limit="streams"):
            world.refused("one stream more", 429, "too many streams", "GET", "/v1/agent/monitor")
        for _ in range(80 - STREAMS):
            held = stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", world.agent.port))))
            held.sendall(b"GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n")
        refused = stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", world.agent.port))))
        refused.settimeout(PATIENCE)
        answer = refused.recv(4096).decode()
        expect("one connection more of one address", " 429 " in answer and "too many concurrent connections" in answer,
               answer[:200])
    eventually("they are gone", lambda: world.metric("api_http_connections") <= 2)
    expect("the refusal is counted", world.metric("api_http_refused") >= 1, world.metric("api_http_refused"))


def sessions(world):
    connection = http.client.HTTPConnection("127.0.0.1", world.agent.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        for i in range(BOUND_SESSIONS + 1):
            connection.request("PUT", "/v1/session/create?while-connected", '{"TTL": "10s"}')
            response = connection.getresponse()
            response.read()
            if response.status != (200 if i < BOUND_SESSIONS else 429):
                failed.append(f"session {i} of one connection: {response.status}")
                return
    expect("the refusal of one more is counted", world.metric("api_http_over_limit", limit="bound_sessions") == 1,
           world.metric("api_http_over_limit", limit="bound_sessions"))
    world.refused("a longer lock-delay than a minute is cut", 200, "", "PUT", "/v1/session/create", '{"LockDelay":"2m"}')
    world.refused("an event over 512 bytes", 500, "exceeds configured limit of 512 bytes", "PUT", "/v1/event/fire/e", "x" * 513)


def question(size):
    head = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + b"\x06consul\0" + struct.pack(">2H", 6, 1)
    return head + b"\0" * (size - len(head))


def dns(world, port):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
        udp.settimeout(PATIENCE)
        with world.counts("dns_malformed", transport="udp"):
            udp.sendto(question(2049), ("127.0.0.1", port))
            expect("a UDP query over 2,048 bytes: FORMERR", udp.recv(512)[3] & 15 == 1, "")
    with world.counts("dns_tcp_too_long"), contextlib.closing(socket.create_connection(("127.0.0.1", port))) as tcp:
        tcp.settimeout(PATIENCE)
        tcp.sendall(struct.pack(">H", 2049) + question(2049))
        try:
            end = tcp.recv(1)
        except ConnectionResetError:
            end = b""
        expect("a TCP query over 2,048 bytes: closed", end == b"", end)


def page(world):
    """Each metric that the page names is shown, but for those that appear when they have counted."""
    with open(os.path.join(ROOT, "docs/limits.md"), encoding="utf-8") as file:
        named = set(re.findall(r"`consul\.([a-z0-9_.]+)", file.read()))
    shown = world.ask("GET", "/v1/agent/metrics?format=prometheus")[1]
    missing = sorted(name for name in named if f"consul_{name.replace('.', '_')}" not in shown)
    expect("metrics that docs/limits.md names", len(named) > 15 and not missing, missing)


def main():
    with tempfile.TemporaryDirectory() as folder:
        agent = Agent(folder, CONFIG, "info")
        try:
            world = World(agent)
            bodies(world)
            heads(world)
            expressions(world)
            crowds(world)
            sessions(world)
            dns(world, json.loads(world.ask("GET", "/v1/agent/self")[1])["DebugConfig"]["DNSPort"])
            page(world)
        finally:
            agent.kill()
    for line in failed:
        print(f"limits: {line}")
    if failed:
        sys.exit(1)
    print("limits: all as docs/limits.md says")


if __name__ == "__main__":
    main()
