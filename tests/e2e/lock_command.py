#!/usr/bin/env python3
"""`discoveryd lock` as a process, beside contenders that speak plain HTTP in the layout of `consul lock`.

    tests/e2e/lock_command.py

A lock is held, waited for, refused in time, and lost with its session or because the agent has fallen silent; signals
reach the program; a semaphore's places are shared with contenders that are not ours, living and dead. Exits with 1, and says what went otherwise, if
something did. Loopback only.
"""

import base64
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

from agent import DAEMON, PATIENCE, Agent, eventually

LOCK_FLAGS = 0x2DDCCBC058A50C18
SEMAPHORE_FLAGS = 0xE0F69A2BAA414DE0
# Goes on until it is told to end, and says what it hears.
PROGRAM = """trap 'echo term; exit 0' TERM; trap 'echo hup' HUP; echo held $CONSUL_LOCK_HELD
while [ ! -e %s ]; do sleep 0.05; done; echo done"""


class Failure(Exception):
    """What a test expected did not come about."""


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}: {found!r} instead of {wanted!r}")


class Lock:
    """A running `discoveryd lock`."""

    numbers = itertools.count()

    def __init__(self, agent, folder, *arguments, program=None):
        self.stop_file = os.path.join(folder, f"stop.{next(Lock.numbers)}")
        self.lines, self.said = queue.Queue(), []
        self.process = subprocess.Popen(
            [DAEMON, "lock", f"-http-addr=127.0.0.1:{agent.port}", *arguments, program or PROGRAM % self.stop_file],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            self.lines.put(self.said[-1])
        self.lines.put(None)

    def await_line(self, text):
        """The next line that begins with `text`."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise Failure(f"no line {text!r} within {PATIENCE} s") from None
            if line is None:
                raise Failure(f"it ended ({self.process.wait()}) without a line {text!r}")
            if line.startswith(text):
                return line

    def is_waiting(self):
        return self.process.poll() is None and self.lines.empty()

    def let_end(self):
        with open(self.stop_file, "w", encoding="utf-8"):
            pass
        return self.process.wait(PATIENCE)


class Contender:
    """Somebody else who wants a place of a semaphore, over HTTP alone."""

    def __init__(self, agent, prefix, limit):
        self.agent, self.prefix, self.limit = agent, prefix, limit
        self.session = json.loads(agent.request(agent.connect(), "PUT", "/v1/session/create",
                                                {"Name": "contender", "TTL": "60s", "Behavior": "delete"})[1])["ID"]
        agent.put(f"/v1/kv/{prefix}/{self.session}?acquire={self.session}&flags={SEMAPHORE_FLAGS}")

    def state(self):
        """The entry of the semaphore and what it says."""
        for entry in self.agent.get(f"/v1/kv/{self.prefix}?recurse"):
            if entry["Key"] == f"{self.prefix}/.lock":
                return entry, json.loads(base64.b64decode(entry["Value"]))
        return {"ModifyIndex": 0}, {"Limit": self.limit, "Holders": {}}

    def change(self, edit):
        """Changes the set of holders, however often others are faster."""
        for _ in range(100):
            entry, lock = self.state()
            if not edit(lock):
                return False
            path = f"/v1/kv/{self.prefix}/.lock?cas={entry['ModifyIndex']}&flags={SEMAPHORE_FLAGS}"
            if json.loads(self.agent.request(self.agent.connect(), "PUT", path, lock)[1]):
                return True
        raise Failure("others were faster a hundred times")

    def acquire(self):
        def edit(lock):
            if len(lock["Holders"]) >= lock["Limit"]:
                return False
            lock["Holders"][self.session] = True
            return True
        return self.change(edit)

    def release(self):
        self.change(lambda lock: lock["Holders"].pop(self.session))
        self.agent.request(self.agent.connect(), "DELETE", f"/v1/kv/{self.prefix}/{self.session}")

    def die(self):
        self.agent.put(f"/v1/session/destroy/{self.session}")


def entry_of(agent, key):
    status, body = agent.request(agent.connect(), "GET", f"/v1/kv/{key}")
    return json.loads(body)[0] if status == 200 else None


def handed_on(agent, folder):
    first = Lock(agent, folder, "/e2e/one")
    first.await_line("held true")
    entry = entry_of(agent, "e2e/one/.lock")
    expect("flags", entry["Flags"], LOCK_FLAGS)
    expect("value", entry["Value"], None)
    session = agent.get(f"/v1/session/info/{entry['Session']}")[0]
    expect("the session's TTL and behaviour", (session["TTL"], session["Behavior"]), ("15s", "release"))
    expect("its name", session["Name"].startswith("Consul lock for 'trap"), True)

    late = Lock(agent, folder, "-timeout=300ms", "e2e/one")
    late.await_line("Shutdown triggered or timeout during lock acquisition")
    expect("who gives up ends with", late.process.wait(PATIENCE), 1)
    second = Lock(agent, folder, "-verbose", "-name=second", "e2e/one")
    second.await_line("Attempting lock acquisition")
    eventually("the second has its session",
               lambda: any(session["Name"] == "second" for session in agent.get("/v1/session/list")))
    expect("the second waits", second.is_waiting(), True)
    begun = time.monotonic()
    expect("the first ends with", first.let_end(), 0)
    second.await_line("held true")
    passed = time.monotonic() - begun
    expect("the second has it soon", passed < 1, True)
    expect("the second ends with", second.let_end(), 0)
    second.await_line("Cleanup succeeded")
    expect("the key is gone", entry_of(agent, "e2e/one/.lock"), None)
    expect("and so are the sessions", agent.get("/v1/session/list"), [])
    return f"the next one had the lock {1000 * passed:.0f} ms after the first program was told to end"


def signals(agent, folder):
    lock = Lock(agent, folder, "e2e/signals")
    lock.await_line("held true")
    lock.process.send_signal(signal.SIGHUP)
    lock.await_line("hup")
    lock.process.send_signal(signal.SIGTERM)
    lock.await_line("term")
    expect("it ends with", lock.process.wait(PATIENCE), 0)
    expect("the key is gone", entry_of(agent, "e2e/signals/.lock"), None)

    waiting_for = Lock(agent, folder, "e2e/signals")
    waiting_for.await_line("held true")
    waiting = Lock(agent, folder, "-verbose", "e2e/signals")
    waiting.await_line("Attempting lock acquisition")
    waiting.process.send_signal(signal.SIGINT)
    waiting.await_line("Shutdown triggered or timeout during lock acquisition")
    expect("who is interrupted while it waits ends with", waiting.process.wait(PATIENCE), 1)
    expect("the other one ends with", waiting_for.let_end(), 0)
    codes = [Lock(agent, folder, *flags, "e2e/code", program="exit 3").process.wait(PATIENCE)
             for flags in ((), ("-child-exit-code",))]
    expect("exit codes of a program that fails", codes, [0, 2])
    return "handed on: HUP, TERM"


def lost(agent, folder):
    # The shell's child must go as well; a shell alone would leave it behind.
    beating = os.path.join(folder, "beating")
    program = f"sh -c 'while :; do date +%s.%N >{beating}; sleep 0.05; done' & echo held; wait; :"
    lock = Lock(agent, folder, "-verbose", "e2e/lost", program=program)
    lock.await_line("held")
    eventually("the program's own program works", lambda: os.path.exists(beating))
    begun = time.monotonic()
    agent.put(f"/v1/session/destroy/{entry_of(agent, 'e2e/lost/.lock')['Session']}")
    lock.await_line("Lock lost, killing child")
    told = time.monotonic() - begun
    lock.await_line("Child terminated")
    lock.process.wait(PATIENCE)
    os.remove(beating)
    time.sleep(0.3)  # that something does not happen cannot be awaited
    expect("nothing works on", os.path.exists(beating), False)
    return f"told {1000 * told:.0f} ms after"


def silence(agent, folder):
    lock = Lock(agent, folder, "-verbose", "e2e/silence")
    lock.await_line("held true")
    agent.process.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        lock.await_line("Lock lost, killing child")
        told = time.monotonic() - begun
        lock.await_line("Child terminated")
    finally:
        agent.process.send_signal(signal.SIGCONT)
    # A third of the TTL may have passed since the last renewal; nobody else can have the lock before it has.
    expect("before the session can end", 8 < told < 15.5, True)
    expect("it ends with", lock.process.wait(PATIENCE), 0)
    return f"of an agent that says nothing: the program was ended after {told:.1f} s"


def semaphore(agent, folder):
    prefix = "e2e/places"
    other = Contender(agent, prefix, 2)
    expect("the other one gets a place", other.acquire(), True)
    first = Lock(agent, folder, "-n=2", prefix)
    first.await_line("held true")
    entry, lock = other.state()
    expect("flags", entry["Flags"], SEMAPHORE_FLAGS)
    expect("limit", lock["Limit"], 2)
    expect("holders", (len(lock["Holders"]), lock["Holders"].get(other.session)), (2, True))
    third = Contender(agent, prefix, 2)
    expect("there is no third place", third.acquire(), False)
    second = Lock(agent, folder, "-n=2", "-verbose", prefix)
    second.await_line("Attempting lock acquisition")
    eventually("the second is a contender", lambda: len(agent.get(f"/v1/kv/{prefix}?keys")) == 5)
    expect("the second waits", second.is_waiting(), True)
    other.release()
    second.await_line("held true")
    expect("the first ends with", first.let_end(), 0)
    expect("then there is a place for the third", third.acquire(), True)
    fourth = Lock(agent, folder, "-n=2", "-verbose", prefix)
    fourth.await_line("Attempting lock acquisition")
    third.die()
    fourth.await_line("held true")
    expect("a dead one's place was taken, and it is no holder any more",
           third.session in third.state()[1]["Holders"], False)
    for what, arguments, line in (
            ("another limit", ("-n=3",), "Lock acquisition failed: semaphore limit conflict (lock: 2, local: 3)"),
            ("a lock", (), "Lock acquisition failed: Existing key does not match lock use")):
        wrong = Lock(agent, folder, *arguments, prefix)
        wrong.await_line(line)
        expect(f"{what} ends with", wrong.process.wait(PATIENCE), 1)
    expect("the rest end with", (second.let_end(), fourth.let_end()), (0, 0))
    expect("nothing is left", agent.request(agent.connect(), "GET", f"/v1/kv/{prefix}?keys")[0], 404)
    return "places were shared with contenders of plain HTTP"


def main():
    started = []
    make = Lock.__init__

    def remember(lock, *arguments, **named):
        make(lock, *arguments, **named)
        started.append(lock)

    Lock.__init__ = remember
    failures = 0
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
        agent = Agent(["-dev"], log)
        try:
            for scenario in (handed_on, signals, lost, semaphore, silence):
                try:
                    print(f"{scenario.__name__}: {scenario(agent, folder)}", flush=True)
                except (Failure, OSError, TimeoutError, subprocess.TimeoutExpired) as failure:
                    failures += 1
                    print(f"{scenario.__name__}: FAILED: {failure}", flush=True)
                    for lock in started:
                        print(f"  {lock.process.args[3:-1]} ({lock.process.poll()}) said {lock.said}")
        finally:
            for lock in started:
                if lock.process.poll() is None:
                    lock.process.terminate()  # not killed: it ends its own program
                    lock.process.wait(PATIENCE)
            agent.end(signal.SIGKILL)
    print(f"lock-command: {'FAILED' if failures else 'passed'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
