#!/usr/bin/env python3
"""A client that does nothing wrong: writes a key, reads it, asks for a service's health, over HTTP and DNS, again and
again on one connection, and checks each answer. Until it reads a line; then it says what it saw, as JSON.

    tests/abuse/polite.py HTTP_PORT SOURCE_ADDRESS DNS_PORT
"""

import http.client
import json
import select
import socket
import struct
import sys
import time

ROUNDS = 5  # at least
PAUSE = 0.01  # seconds between two rounds, so that the agent and not this is what works


def dns_query(number):
    name = b"".join(bytes([len(part)]) + part for part in (b"consul", b"service", b"consul"))
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">HH", 1, 1)


class Client:
    """Its requests; a problem is a text, and the first one ends it."""

    def __init__(self, port, source, dns):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))
        self.dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.dns.settimeout(10)
        self.dns.connect(("127.0.0.1", dns))
        self.times = []

    def timed(self, what):
        begun = time.monotonic()
        result = what()
        self.times.append(time.monotonic() - begun)
        return result

    def request(self, method, path, body=None):
        def work():
            self.connection.request(method, path, body)
            response = self.connection.getresponse()
            return response.status, response.read()
        return self.timed(work)

    def lookup(self, number):
        def work():
            self.dns.send(dns_query(number))
            return self.dns.recv(2048)
        return self.timed(work)

    def round(self, number):
        value = f"value {number}".encode()
        for wanted, got in (((200, b"true"), self.request("PUT", "/v1/kv/polite", value)),
                            ((200, value), self.request("GET", "/v1/kv/polite?raw"))):
            if (got[0], got[1].strip()) != wanted:
                return f"{got} instead of {wanted}"
        status, rows = self.request("GET", "/v1/health/service/consul?passing")
        if status != 200 or len(json.loads(rows)) != 1:
            return f"health: {status} {rows[:200]!r}"
        answer = self.lookup(number % 65536)
        if answer[:2] != struct.pack(">H", number % 65536) or answer[7] != 1:
            return f"DNS: {answer!r}"
        return ""


def main():
    client = Client(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    problem, number, ended = "", 0, False
    while (not ended or number < ROUNDS) and not problem:
        try:
            problem = client.round(number)
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
        if number == 0:
            client.times.clear()
            print("ready" if not problem else problem, flush=True)
        number += 1
        ended = ended or bool(select.select([sys.stdin], [], [], PAUSE)[0])
    times = sorted(client.times) or [0]
    print(json.dumps({"problem": problem, "requests": len(client.times), "p50": times[len(times) // 2],
                      "p99": times[len(times) * 99 // 100], "max": times[-1]}))


if __name__ == "__main__":
    main()
