"""What the tests of abuse share: an agent whose memory and descriptors are watched, a polite client beside it, and
clients that speak raw bytes. Loopback only."""

import functools
import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from agent import PATIENCE, Agent, eventually  # noqa: E402  (found by the line above; others get them from here)

HERE = os.path.dirname(os.path.abspath(__file__))
POLITE_ADDRESS = "127.0.0.2"  # has a count of connections of its own
# Seconds that the polite client may wait, on a machine with two processors on which the test itself keeps both busy.
MAX_WAITS = {"p50": 0.05, "p99": 1.0, "max": 4.0}
SLACK = 3  # descriptors that the agent may have opened for itself meanwhile


class Failure(Exception):
    """The agent did not stand what was done to it."""


def require(condition, what):
    if not condition:
        raise Failure(what)


class Polite:
    """A process that writes and reads all the time, from an address of its own; checks every answer."""

    def __init__(self, agent):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "polite.py"), str(agent.port), POLITE_ADDRESS, str(agent.dns)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        require(self.process.stdout.readline() == "ready\n", "the polite client does not get its first answers")

    def finish(self):
        """Ends it, and judges what it has seen."""
        out, _ = self.process.communicate("end\n", timeout=PATIENCE)
        seen = json.loads(out.splitlines()[-1])
        require(not seen["problem"], f"the polite client got {seen['problem']}")
        require(seen["requests"] > 0, "the polite client was not served at all")
        for which, most in MAX_WAITS.items():
            require(seen[which] <= most, f"the polite client waited {seen[which]:.3f} s ({which}); {most} are allowed")
        return seen

    def kill(self):
        self.process.kill()
        self.process.communicate()


class World:
    """One agent, in development mode, or a `server` with a directory `data` in `folder`. `hcl` is added to its
    configuration; a polite client is beside it unless `alone`."""

    def __init__(self, folder, server=False, hcl="", alone=False):
        self.folder = folder
        self.log = open(os.path.join(folder, "log"), "ab")  # pylint: disable=consider-using-with
        mode = ["-server", "-bootstrap", f"-data-dir={folder}/data"] if server else ["-dev"]
        flags = [*mode, "-node=n1", "-log-level=warn"]
        if hcl:
            path = os.path.join(folder, "abuse.hcl")
            with open(path, "w", encoding="utf-8") as file:
                file.write(hcl)
            flags.append(f"-config-file={path}")
        self.agent = Agent(flags, self.log)
        self.polite = None
        self.stop = threading.Event()
        self.grown = 0
        self.open_before = self.descriptors()
        self.resident_before = self.resident()
        if not alone:
            self.start_polite()

    def start_polite(self):
        """From now on nobody may disturb it, and the agent may not grow."""
        self.resident_before = self.resident()
        self.polite = Polite(self.agent)

    def every(self, seconds, function):
        """Calls `function` each so often, on a thread, until the test ends."""
        def work():
            while not self.stop.wait(seconds):
                function()
        threading.Thread(target=work, daemon=True).start()

    def limit(self, name, value):
        """Gives the agent so much and no more, from now on; None: as much as it may have."""
        hard = resource.prlimit(self.agent.process.pid, name)[1]
        resource.prlimit(self.agent.process.pid, name, (hard if value is None else value, hard))

    # --- what the agent takes

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.agent.process.pid}/fd"))

    def resident(self):
        with open(f"/proc/{self.agent.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def virtual(self):
        with open(f"/proc/{self.agent.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        with open(f"/proc/{self.agent.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metric(self, name):
        """A gauge of the agent, by the end of its name."""
        status, metrics = self.ask("GET", "/v1/agent/metrics", source="127.0.0.4")
        require(status == 200, f"metrics: {status}")
        found = [g["Value"] for g in json.loads(metrics)["Gauges"] if g["Name"].endswith("." + name)]
        require(found, f"there is no metric {name}")
        return found[0]

    def bounded(self, megabytes):
        """The agent has not grown by more than so much."""
        self.grown = max(self.grown, (self.resident() - self.resident_before) >> 20)
        require(self.grown <= megabytes, f"the agent grew by {self.grown} MiB; {megabytes} are allowed")

    # --- asking

    def raw(self, source="127.0.0.1", receive_buffer=None):
        """A connection of raw bytes."""
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", self.agent.port))
        return connection

    def send_raw(self, *pieces):
        """What the agent answers to bytes, until it closes, or has answered one request in full."""
        with self.raw() as connection:
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except OSError:
                    break  # it does not want more
            return read_answer(connection)

    def ask(self, method, path, body=None, headers=None, source="127.0.0.1"):
        """(status, body) of one request with a body of bytes."""
        with self.raw(source) as connection:
            lines = [f"{method} {path} HTTP/1.1", "Host: a", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            if body is not None:
                lines.append(f"Content-Length: {len(body)}")
            try:
                connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
            except OSError:
                pass  # the answer says why
            answer = read_answer(connection)
        require(answer, f"no answer to {method} {path[:80]}")
        return status_of(answer), answer.partition(b"\r\n\r\n")[2]

    # --- the end

    def alive(self):
        code = self.agent.process.poll()
        require(code is None, f"the agent ended with {code}")

    def settle(self):
        """Nobody was disturbed, and nothing is left of those who have gone. Says how it went."""
        self.stop.set()
        self.alive()
        seen, self.polite = self.polite.finish(), None
        eventually("descriptors are as before", lambda: self.descriptors() <= self.open_before + SLACK)
        return f"grown by {self.grown} MiB, the polite client waited {seen['p99'] * 1000:.0f} ms (p99)"

    def close(self):
        self.stop.set()
        if self.polite is not None:
            self.polite.kill()
        if self.agent.process.poll() is None:
            self.agent.process.kill()
        self.agent.process.wait(PATIENCE)
        self.log.close()


def read_answer(connection):
    """One answer by its length, or all that comes until the end."""
    received = b""
    try:
        while True:
            head, blank, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head) if blank else None
            if length and len(body) >= int(length.group(1)):
                return received
            more = connection.recv(1 << 16)
            if not more:
                return received
            received += more
    except ConnectionResetError:
        return received


def status_of(answer):
    words = answer.split(b" ", 2)
    require(len(words) > 1 and words[0].startswith(b"HTTP/1."), f"no answer of HTTP: {answer[:100]!r}")
    return int(words[1][:3])


def abuse(**options):
    """A test of a World of its own, made with `options`: called with a folder, it returns a line on how it went."""
    def wrap(test):
        @functools.wraps(test)
        def run(folder):
            world = World(folder, **options)
            try:
                said = test(world)
                return "; ".join(filter(None, (said, world.settle())))
            finally:
                world.close()
        return run
    return wrap
