"""An agent whose lines and end are awaited, for tests of what it says; nothing sleeps. Loopback only."""

import http.client
import json
import os
import queue
import subprocess
import threading

from agent import DAEMON, PATIENCE, free_ports


class Failure(Exception):
    """What a test expected did not come about."""


class Agent:
    """A server with a data directory and one configuration file in `folder`, which serves once this is made. Without a
    `level` the file says what is logged."""

    def __init__(self, folder, config, level="debug"):
        self.config_path = os.path.join(folder, "agent.json")
        self.configure(config)
        self.port, self.dns, server, lan, wan = free_ports(5)
        self.lines = []
        self.arrived = queue.Queue()
        self.process = subprocess.Popen(
            [DAEMON, "agent", "-server", "-bootstrap", "-node=n1", f"-data-dir={folder}/data", "-bind=127.0.0.1",
             f"-http-port={self.port}", f"-dns-port={self.dns}", f"-server-port={server}", f"-serf-lan-port={lan}",
             f"-serf-wan-port={wan}", "-grpc-port=-1", f"-config-file={self.config_path}",
             *([f"-log-level={level}"] if level else [])],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        self.await_line("agent: started")

    def _read(self):
        for line in self.process.stdout:
            self.arrived.put(line)
        self.arrived.put(None)

    def configure(self, config):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(config if isinstance(config, str) else json.dumps(config))

    def await_line(self, text):
        """The next line with `text` in it; lines before it are kept in `lines` as well."""
        while True:
            try:
                line = self.arrived.get(timeout=PATIENCE)
            except queue.Empty:
                raise Failure(f"no line with {text!r} came; the last ones: {self.lines[-5:]}") from None
            if line is None:
                raise Failure(f"the agent has ended without a line with {text!r}: {self.lines[-5:]}")
            self.lines.append(line)
            if text in line:
                return line

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def end(self):
        """The exit code, once the agent has ended; `lines` then has all that it said."""
        try:
            code = self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"the agent does not end; the last lines: {self.lines[-5:]}") from None
        while (line := self.arrived.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
