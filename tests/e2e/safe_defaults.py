#!/usr/bin/env python3
"""What an agent does not do unless it is told to: listen beyond loopback, run programs, take writes from other people's
web pages once it shall not.

    tests/e2e/safe_defaults.py

Exits with 1, and says what went otherwise, if something did.
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile

from agent import DAEMON, PATIENCE, eventually, free_ports

EVIL = {"Origin": "https://evil.example.com"}


def listening(pid):
    """The local addresses of all sockets of a process that take connections or datagrams."""
    folder = f"/proc/{pid}/fd"
    inodes = set()
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile: the connection that was asked over before
            inodes.add(os.readlink(f"{folder}/{fd}"))
    found = []
    for kind, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        with open(f"/proc/{pid}/net/{kind}", encoding="ascii") as table:
            for line in table.readlines()[1:]:
                fields = line.split()
                if fields[3] == state and f"socket:[{fields[9]}]" in inodes:
                    found.append((kind, address(fields[1])))
    return found


def address(text):
    """As /proc writes it: words in the machine's order."""
    digits = bytes.fromhex(text.split(":")[0])
    words = b"".join(digits[i:i + 4][::-1] for i in range(0, len(digits), 4))
    return socket.inet_ntop(socket.AF_INET if len(words) == 4 else socket.AF_INET6, words)


class Dev:
    """`discoveryd agent -dev` on free ports."""

    def __init__(self, folder, config):
        path = os.path.join(folder, "agent.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        names = ("http", "dns", "server", "serf-lan", "serf-wan", "grpc")
        ports = dict(zip(names, free_ports(len(names))))
        self.port = ports["http"]
        flags = [f"-{name}-port={port}" for name, port in ports.items()]
        self.process = subprocess.Popen([DAEMON, "agent", "-dev", "-config-file", path, *flags],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        eventually("the agent answers", self._answers)

    def _answers(self):
        try:
            return self.ask("GET", "/v1/agent/self").status == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, json.dumps(body) if body is not None else None, headers or {})
        response = connection.getresponse()
        response.text = response.read().decode()
        connection.close()
        return response

    def end(self):
        self.process.kill()
        self.process.wait()


def expect(what, condition, found):
    if not condition:
        sys.exit(f"safe_defaults: {what}: {found!r}")


def check_defaults(agent):
    sockets = listening(agent.process.pid)
    expect("HTTP and DNS are served", {kind for kind, _ in sockets} >= {"tcp", "udp"}, sockets)
    expect("only on loopback", all(at in ("127.0.0.1", "::1") for _, at in sockets), sockets)
    for path, definition in (("check", {"Name": "s", "Args": ["true"], "Interval": "10s"}),
                             ("service", {"Name": "s", "Check": {"Args": ["true"], "Interval": "10s"}})):
        refused = agent.ask("PUT", f"/v1/agent/{path}/register", definition)
        expect("scripts are refused", refused.status == 500 and "Scripts are disabled" in refused.text, refused.text)
    expect("no header more than Consul's", agent.ask("GET", "/v1/agent/self").getheader("X-Frame-Options") is None, "")
    expect("browsers are as others", agent.ask("PUT", "/v1/kv/k", "x", EVIL).status == 200, "")


def check_guarded(agent):
    written = agent.ask("PUT", "/v1/kv/k", "x", EVIL)
    expect("a page of another origin is refused", written.status == 403, written.text)
    expect("response_headers are on refusals, too", written.getheader("X-Frame-Options") == "DENY", "")
    expect("and on answers", agent.ask("GET", "/v1/agent/self").getheader("X-Frame-Options") == "DENY", "")
    rebound = {"Origin": f"http://evil.example.com:{agent.port}", "Host": f"evil.example.com:{agent.port}"}
    expect("nor by a name that leads here", agent.ask("PUT", "/v1/kv/k", "x", rebound).status == 403, "")
    expect("nothing was written", agent.ask("GET", "/v1/kv/k").status == 404, "")
    for headers in ({}, {"Origin": f"http://127.0.0.1:{agent.port}"}, {"Origin": "https://ui.example.com"}):
        expect("others write", agent.ask("PUT", "/v1/kv/k", "x", headers).status == 200, headers)


def main():
    guarded = {"http_config": {"refuse_browser_writes": True, "trusted_origins": ["https://ui.example.com"],
                               "response_headers": {"X-Frame-Options": "DENY"}}}
    for config, check in (({}, check_defaults), (guarded, check_guarded)):
        with tempfile.TemporaryDirectory() as folder:
            agent = Dev(folder, config)
            try:
                check(agent)
            finally:
                agent.end()
    print("safe_defaults: loopback only, no scripts, no writes from other people's pages")


if __name__ == "__main__":
    main()
