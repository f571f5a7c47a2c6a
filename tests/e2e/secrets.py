#!/usr/bin/env python3
"""Looks for secrets where they must not be: in an agent's log at its most talkative, and in what it says of itself.

    tests/e2e/secrets.py

Tokens go in by configuration, headers, query strings, definitions of checks and URLs; values by the key/value store,
transactions and events, also where they are refused; then all output, what /v1/agent/monitor streams would show too,
and /v1/agent/self are searched. Exits with 1 if one is found.
"""

import base64
import json
import signal
import sys
import tempfile

from agent import free_ports
from agent_process import Agent, Failure


def secret(name):
    return f"5ec2e7-{name}-d0n0t10g"


def config(dead_port):
    return {
        "check_update_interval": "0s",
        "acl": {"tokens": {"default": secret("default"), "agent": secret("agent"),
                           "replication": secret("replication")}},
        "services": [{"name": "configured", "token": secret("service"), "port": 1,
                      "check": {"http": f"http://user:{secret('userinfo')}@127.0.0.1:{dead_port}/?token={secret('url')}",
                                "header": {"Authorization": [secret("check-header")]}, "interval": "1s",
                                "token": secret("check")}}],
        "watches": [{"type": "key", "key": "k", "token": secret("watch"), "handler_type": "http",
                     "http_handler_config": {"path": f"http://127.0.0.1:{dead_port}/{secret('hook')}",
                                             "header": {"X-Token": [secret("hook-header")]}}}],
    }


def ask(agent, dead_port):
    token = {"X-Consul-Token": secret("header"), "Authorization": "Bearer " + secret("bearer")}
    agent.request("GET", f"/v1/kv/k?token={secret('query')}", headers=token)
    agent.request("GET", f"/v1/bogus?token={secret('query-404')}", headers=token)
    agent.request("POST", f"/v1/kv/k?token={secret('query-405')}", headers=token)
    agent.request("GET", f"/v1/kv/k?index=x&token={secret('query-400')}", headers=token)
    agent.request("PUT", f"/v1/kv/k?token={secret('query-put')}", "value", token)
    store_values(agent, token)
    agent.request("PUT", "/v1/agent/token/default", {"Token": secret("set-token")}, token)
    check = {"Name": "by API", "Interval": "1s", "Token": secret("api-check"),
             "HTTP": f"http://u:{secret('api-userinfo')}@127.0.0.1:{dead_port}/?token={secret('api-url')}",
             "Header": {"Authorization": [secret("api-header")]}}
    agent.request("PUT", f"/v1/agent/check/register?token={secret('register')}", check, token)
    agent.request("PUT", "/v1/agent/service/register", {"Name": "", "Token": secret("refused")}, token)
    agent.request("PUT", "/v1/agent/service/register", {"Name": "web", "Token": secret("api-service")}, token)
    agent.request("PUT", f"/v1/agent/join/127.0.0.1:{dead_port}?token={secret('join')}", headers=token)


def store_values(agent, token):
    agent.request("PUT", "/v1/kv/value?cas=0", secret("kv-value"), token)
    agent.request("PUT", "/v1/kv/value?acquire=no-session", secret("kv-locked"), token)
    try:
        agent.request("PUT", "/v1/kv/value", secret("kv-too-large") * 40000, token)
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused, and closed before all of it had been sent
    value = base64.b64encode(secret("txn-value").encode()).decode()
    agent.request("PUT", "/v1/txn", [{"KV": {"Verb": "set", "Key": "t", "Value": value}}], token)
    agent.request("PUT", "/v1/txn", [{"KV": {"Verb": secret("txn-verb"), "Key": "t", "Value": secret("txn-bad")}}],
                  token)
    agent.request("PUT", "/v1/txn", {"Bogus": secret("txn-bogus")}, token)
    agent.request("PUT", f"/v1/event/fire/deploy?token={secret('event-token')}", secret("event"), token)
    agent.request("PUT", f"/v1/event/fire/deploy?node=(&token={secret('event-token-2')}", secret("event-bad"), token)
    agent.request("PUT", f"/v1/session/create?token={secret('session-token')}", {"TTL": secret("session-ttl")}, token)
    agent.request("GET", f"/v1/health/service/web?filter={secret('filter')}&token={secret('filter-token')}",
                  headers=token)


def await_runs(agent):
    """Returns when both checks have run, and so have an output."""
    for check in ("service:configured", "by API"):
        index = 0
        while True:
            status, body = agent.request("GET", f"/v1/health/state/any?index={index}&wait=20s")
            output = [one["Output"] for one in json.loads(body) if one["CheckID"] == check]
            if status != 200 or not output:
                raise Failure(f"there is no check {check}: {body[:300]}")
            if output[0]:
                break
            index += 1


def main():
    dead_port = free_ports(1)[0]
    with tempfile.TemporaryDirectory() as folder:
        agent = Agent(folder, config(dead_port), "trace")
        try:
            ask(agent, dead_port)
            await_runs(agent)
            shown = agent.request("GET", "/v1/agent/self")[1]
            status, metrics = agent.request("GET", "/v1/agent/metrics")
            if status != 200:
                raise Failure("the agent does not answer")
            agent.process.send_signal(signal.SIGHUP)
            agent.await_line("Reloading configuration...")
            agent.configure('{"acl": {"tokens": {"default": "' + secret("broken") + '"}, "bogus": 1}')
            agent.process.send_signal(signal.SIGHUP)
            agent.await_line("the configuration stays as it was")
            agent.process.send_signal(signal.SIGTERM)
            agent.end()
        finally:
            agent.kill()
    places = {"the log": "".join(agent.lines), "/v1/agent/self": shown, "/v1/agent/metrics": metrics}
    if len(places["the log"].splitlines()) < 10:
        sys.exit("secrets: the agent has said next to nothing")
    found = [f"{where}: {line.strip()}" for where, text in places.items() for line in text.splitlines()
             if "5ec2e7-" in line]
    for line in found:
        print(f"secrets: FOUND in {line[:300]}")
    if found:
        sys.exit(1)
    print(f"secrets: none in {len(agent.lines)} lines of log, /v1/agent/self, /v1/agent/metrics")


if __name__ == "__main__":
    main()
