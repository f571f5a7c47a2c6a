"""What the end-to-end tests share: an agent of the release build on free ports of loopback, and patience."""

import http.client
import json
import os
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DAEMON = os.path.join(ROOT, "build/release/discoveryd")
PATIENCE = 20  # seconds that a slow machine may need for anything


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def eventually(what, condition, limit=PATIENCE):
    """Waits until `condition()` is true, and returns what it then is; gives up with `what` after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {limit} s: {what}")
        time.sleep(0.02)


class Agent:
    """One life of an agent. Ports that are not given are free ones."""

    def __init__(self, arguments, log, **ports):
        found = dict(zip(("http", "dns", "server", "serf_lan", "serf_wan"), free_ports(5)), **ports)
        self.port, self.dns = found["http"], found["dns"]
        flags = [f"-{name.replace('_', '-')}-port={port}" for name, port in found.items()]
        self.process = subprocess.Popen([DAEMON, "agent", "-bind=127.0.0.1", "-grpc-port=-1", *flags, *arguments],
                                        stdout=log, stderr=log)
        try:
            eventually("the agent answers", self._answers)
        except TimeoutError:
            self.process.kill()
            raise
        if self.process.poll() is not None:
            raise OSError(f"the agent ended with {self.process.returncode}; its last words: {log.name}")

    def _answers(self):
        if self.process.poll() is not None:
            return True
        try:
            return self.request(self.connect(), "GET", "/v1/agent/self")[0] == 200
        except OSError:
            return False

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    @staticmethod
    def request(connection, method, path, body=None):
        connection.request(method, path, json.dumps(body) if body is not None else None)
        response = connection.getresponse()
        return response.status, response.read()

    def put(self, path, body=None):
        status, text = self.request(self.connect(), "PUT", path, body)
        if status != 200:
            raise OSError(f"PUT {path}: {status} {text.decode()}")

    def get(self, path):
        return json.loads(self.request(self.connect(), "GET", path)[1])

    def end(self, sig):
        self.process.send_signal(sig)
        return self.process.wait(PATIENCE)
