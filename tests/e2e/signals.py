#!/usr/bin/env python3
"""What signals, and requests to leave, do to an agent as a process: log lines and exit codes are Consul's.

    tests/e2e/signals.py

Exits with 1, and says what went otherwise, if something did.
"""

import signal
import sys
import tempfile

from agent import eventually
from agent_process import Agent, Failure

LEAVES = "Gracefully shutting down agent..."
STAYS = "Graceful shutdown disabled. Exiting"


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}: {found!r} instead of {wanted!r}")


def ends(sent, config, line, code):
    def run(folder):
        agent = Agent(folder, config)
        try:
            agent.process.send_signal(sent)
            agent.await_line(line)
            expect("exit code", agent.end(), code)
        finally:
            agent.kill()
    return run


def reload_registers(folder):
    agent = Agent(folder, {})
    try:
        agent.configure({"services": [{"name": "fresh", "port": 80}], "log_level": "TRACE"})
        agent.process.send_signal(signal.SIGHUP)
        agent.await_line("Caught: signal=hangup")
        agent.await_line("Reloading configuration...")
        eventually("the service is there", lambda: "fresh" in agent.request("GET", "/v1/catalog/service/fresh")[1])
        agent.configure({})
        agent.process.send_signal(signal.SIGHUP)
        agent.await_line("Reloading configuration...")
        agent.process.send_signal(signal.SIGTERM)
        expect("exit code", agent.end(), 1)
    finally:
        agent.kill()


def broken_reload_changes_nothing(folder):
    agent = Agent(folder, {"services": [{"name": "kept", "port": 80}]})
    try:
        for broken in ("{", '{"bogus": 1}', '{"services": [{"port": 1}]}'):
            agent.configure(broken)
            agent.process.send_signal(signal.SIGHUP)
            agent.await_line("the configuration stays as it was")
        expect("the service is there", "kept" in agent.request("GET", "/v1/agent/services")[1], True)
        agent.process.send_signal(signal.SIGTERM)
        expect("exit code", agent.end(), 1)
    finally:
        agent.kill()


def leaves_when_asked(folder):
    agent = Agent(folder, {})
    try:
        expect("status", agent.request("PUT", "/v1/agent/leave")[0], 200)
        expect("exit code", agent.end(), 0)
    finally:
        agent.kill()


CASES = {
    "SIGTERM stops a server": ends(signal.SIGTERM, {}, STAYS, 1),
    "SIGTERM lets it leave": ends(signal.SIGTERM, {"leave_on_terminate": True}, LEAVES, 0),
    "SIGINT stops a server": ends(signal.SIGINT, {}, STAYS, 1),
    "SIGINT lets it leave": ends(signal.SIGINT, {"skip_leave_on_interrupt": False}, LEAVES, 0),
    "SIGHUP reloads": reload_registers,
    "a broken reload changes nothing": broken_reload_changes_nothing,
    "a request to leave": leaves_when_asked,
}


def main():
    failures = 0
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(folder)
                print(f"signals: ok: {name}", flush=True)
            except Failure as failure:
                failures += 1
                print(f"signals: FAILED: {name}: {failure}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
