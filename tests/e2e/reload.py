#!/usr/bin/env python3
"""Whether each key that a reload changes has taken effect afterwards, without a restart, and no other has.

    tests/e2e/reload.py [NAME...]

Each case looks at the agent from outside, reloads another configuration, and looks again. Exits with 1, and says what
went otherwise, if something did. What cannot be told from outside of one server alone is left out: how old answers may be
(dns_config.allow_stale, max_stale, use_cache, cache_max_age).
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

from agent import PATIENCE, eventually
from agent_process import Agent, Failure

A, NS, SOA, TXT, SRV, OPT = 1, 2, 6, 16, 33, 41
TRUNCATED = 0x0200


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}: {found!r} instead of {wanted!r}")


# DNS, as much as is needed
# ----------------------------------------------------------------------------------------------------------------------

def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".")) + b"\0"


def skip_name(message, at):
    while message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1


class Answer:
    def __init__(self, message):
        self.size = len(message)
        _, self.flags, questions, *counts = struct.unpack(">6H", message[:12])
        at = 12
        for _ in range(questions):
            at = skip_name(message, at) + 4
        self.sections = []
        for count in counts:
            records = []
            for _ in range(count):
                at = skip_name(message, at)
                rtype, _, ttl, length = struct.unpack(">HHIH", message[at:at + 10])
                records.append((rtype, ttl, message[at + 10:at + 10 + length]))
                at += 10 + length
            self.sections.append(records)

    answers = property(lambda self: self.sections[0])
    authority = property(lambda self: self.sections[1])
    additional = property(lambda self: self.sections[2])

    def addresses(self):
        return [socket.inet_ntoa(data) for rtype, _, data in self.answers if rtype == A]


def ask(agent, name, rtype=A, patience=PATIENCE):
    query = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + encode_name(name) + struct.pack(">2H", rtype, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.sendto(query, ("127.0.0.1", agent.dns))
        return Answer(client.recv(65535))


class Upstream:
    """A name server that gives every name one address, or stays silent."""

    def __init__(self, address):
        self.address = address
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.at = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.socket.recvfrom(4096)
                self.asked += 1
                if self.address is None:
                    continue
                question = query[12:skip_name(query, 12) + 4]
                answer = struct.pack(">HHIH", A, 1, 60, 4) + socket.inet_aton(self.address)
                self.socket.sendto(query[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0) + question + b"\xC0\x0C" + answer,
                                   client)


# The agent
# ----------------------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def running(folder, config, **options):
    agent = Agent(folder, config, **options)
    try:
        yield agent
    finally:
        agent.kill()


def reload(agent, config):
    agent.configure(config)
    status, body = agent.request("PUT", "/v1/agent/reload")
    expect(f"a reload of {config}", (status, body), (200, ""))


def get(agent, path):
    status, body = agent.request("GET", path)
    expect(f"GET {path}", status, 200)
    return json.loads(body)


def put(agent, path, body=None):
    status, text = agent.request("PUT", path, body)
    if status != 200:
        raise Failure(f"PUT {path}: {status} {text}")


def register_web(agent, nodes=6):
    for number in range(nodes):
        put(agent, "/v1/catalog/register",
            {"Node": f"w{number}", "Address": f"10.1.1.{number}",
             "Service": {"Service": "web", "Port": 80, "Tags": ["a", "b"] if number < 2 else ["a"]},
             "Check": {"Name": "up", "ServiceID": "web", "Status": "warning" if number == 0 else "passing"}})


# The cases: of each the configuration before, the one after, and what is seen then
# ----------------------------------------------------------------------------------------------------------------------

def dns_case(before, after, look, seen_before, seen_after):
    """A case of keys of dns_config."""
    def case(folder):
        with running(folder, {"dns_config": before}) as agent:
            register_web(agent)
            expect("before", look(agent), seen_before)
            reload(agent, {"dns_config": after})
            expect("after", look(agent), seen_after)
            reload(agent, {"dns_config": before})
            expect("back again", look(agent), seen_before)
    return case


def soa(agent):
    record = ask(agent, "nothing.service.consul").authority[0]
    return struct.unpack(">5I", record[2][-20:])[1:]


def nearest(folder):
    with running(folder, {}) as agent:
        for number in range(3):
            put(agent, "/v1/catalog/register",
                {"Node": f"f{number}", "Address": f"10.2.2.{number}", "Service": {"Service": "far"}})
            put(agent, "/v1/coordinate/update",
                {"Node": f"f{number}",
                 "Coord": {"Vec": [0.1 * (3 - number)] + [0] * 7, "Error": 1, "Adjustment": 0, "Height": 0.00001}})
        eventually("coordinates are there", lambda: len(get(agent, "/v1/coordinate/nodes")) >= 3)
        order = lambda: {tuple(ask(agent, "far.service.consul").addresses()) for _ in range(40)}
        if len(order()) < 2:
            raise Failure("without dns_config.near the order is always the same")
        reload(agent, {"dns_config": {"near": "f2"}})
        expect("after", order(), {("10.2.2.2", "10.2.2.1", "10.2.2.0")})


def recursors(folder):
    first, second, silent = Upstream("10.9.9.1"), Upstream("10.9.9.2"), Upstream(None)
    with running(folder, {}) as agent:
        expect("no recursor: REFUSED", ask(agent, "a.example.com").flags & 15, 5)
        reload(agent, {"recursors": [first.at]})
        expect("one", ask(agent, "b.example.com").addresses(), ["10.9.9.1"])
        reload(agent, {"recursors": [second.at, first.at]})
        for number in range(20):
            expect("the first of two", ask(agent, f"c{number}.example.com").addresses(), ["10.9.9.2"])
        reload(agent, {"recursors": [second.at, first.at], "dns_config": {"recursor_strategy": "random"}})
        found = {ask(agent, f"d{number}.example.com").addresses()[0] for number in range(40)}
        expect("both of two", found, {"10.9.9.1", "10.9.9.2"})

        def seconds(name):
            begun = time.monotonic()
            expect("after the silent one", ask(agent, name).addresses(), ["10.9.9.1"])
            return time.monotonic() - begun
        slow = {"recursors": [silent.at, first.at], "dns_config": {"recursor_timeout": "1200ms"}}
        reload(agent, slow)
        if seconds("e.example.com") < 1.1:
            raise Failure("a recursor is not waited for as long as recursor_timeout says")
        reload(agent, {**slow, "dns_config": {"recursor_timeout": "50ms"}})
        if seconds("f.example.com") > 1:
            raise Failure("a recursor is waited for longer than recursor_timeout says")


def connections(folder):
    """Connections that hear no refusal, of so many."""
    def accepted(agent, count):
        held, fine = [], 0
        for _ in range(count):
            connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=PATIENCE)
            held.append(connection)
            try:
                connection.request("GET", "/v1/kv/none?index=1000000&wait=1s")
                fine += connection.sock is not None
            except OSError:
                pass
        answers = []
        for connection in held:
            try:
                answers.append(connection.getresponse().status)
            except (OSError, http.client.HTTPException):
                answers.append(None)
            connection.close()
        return sum(status == 404 for status in answers)
    with running(folder, {}) as agent:
        expect("before", accepted(agent, 12), 12)
        reload(agent, {"limits": {"http_max_conns_per_client": 5}})
        expect("after", eventually("a limit", lambda: accepted(agent, 12) == 5), True)
        eventually("connections are gone", lambda: agent.request("GET", "/v1/status/leader")[0] == 200)
        reload(agent, {"limits": {"http_max_conns_per_client": 100}})
        expect("back again", accepted(agent, 12), 12)


def telemetry(folder):
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    sink.settimeout(0.2)
    fixed = {"statsd_address": "127.0.0.1:%d" % sink.getsockname()[1], "disable_hostname": True}

    def sent():
        """What the sink is sent until nothing more comes."""
        lines = []
        with contextlib.suppress(TimeoutError):
            while True:
                lines += sink.recv(65535).decode().splitlines()
        return lines

    def names(agent):
        metrics = get(agent, "/v1/agent/metrics")
        shown = {one["Name"] for kind in ("Gauges", "Counters", "Samples") for one in metrics[kind]}
        pushed = {line.split(":")[0] for line in sent()}
        return [any(name.startswith(prefix) for name in group) for group in (shown, pushed)
                for prefix in ("consul.runtime.", "consul.raft.")]
    with running(folder, {"telemetry": fixed}) as agent:
        expect("before", names(agent), [True, True, True, True])
        reload(agent, {"telemetry": {**fixed, "prefix_filter": ["-consul.runtime"]}})
        expect("prefix_filter", names(agent), [False, True, False, True])
        reload(agent, {"telemetry": {**fixed, "filter_default": False, "prefix_filter": ["+consul.runtime"]}})
        expect("filter_default", names(agent), [True, False, True, False])
        reload(agent, {"telemetry": fixed})
        expect("back again", names(agent), [True, True, True, True])


def log_level(folder):
    def said(agent):
        """Whether it logs at level INFO."""
        begin = len(agent.lines)
        reload(agent, agent.present)
        agent.configure("{")
        agent.request("PUT", "/v1/agent/reload")
        agent.await_line("the configuration stays as it was")
        agent.configure(agent.present)
        return any("Reloading configuration..." in line for line in agent.lines[begin:])
    with running(folder, {"log_level": "INFO"}, level=None) as agent:
        for level, talks in (("INFO", True), ("ERR", False), ("trace", True)):
            agent.present = {"log_level": level}
            reload(agent, agent.present)
            agent.request("PUT", "/v1/agent/reload")
            said(agent)  # what is left of before
            expect(level, said(agent), talks)


def services_and_checks(folder):
    config = {"services": [{"name": "web", "port": 80, "tags": ["old"], "check": {"ttl": "1h"}}, {"name": "goes"}],
              "checks": [{"id": "disk", "name": "disk", "ttl": "1h"}]}
    with running(folder, config) as agent:
        put(agent, "/v1/agent/check/pass/disk?note=roomy")
        put(agent, "/v1/agent/service/register", {"Name": "by-api"})
        reload(agent, {"services": [{"name": "web", "port": 81, "tags": ["new"], "meta": {"k": "v"},
                                     "checks": [{"id": "first", "ttl": "1h"}, {"id": "second", "ttl": "1h"}]},
                                    {"name": "comes"}],
                       "checks": [{"id": "disk", "name": "disk", "ttl": "2h"},
                                  {"id": "alias", "name": "alias", "alias_service": "web"}]})
        services = get(agent, "/v1/agent/services")
        expect("services", sorted(services), ["by-api", "comes", "web"])
        expect("web", (services["web"]["Port"], services["web"]["Tags"], services["web"]["Meta"]),
               (81, ["new"], {"k": "v"}))
        checks = get(agent, "/v1/agent/checks")
        expect("checks", sorted(checks), ["alias", "disk", "first", "second"])
        expect("a check that stays", (checks["disk"]["Status"], checks["disk"]["Output"]), ("passing", "roomy"))
        seen = lambda: [one["ServicePort"] for one in get(agent, "/v1/catalog/service/web")]
        eventually("the catalog follows", lambda: seen() == [81])
        expect("what goes, in the catalog", get(agent, "/v1/catalog/service/goes"), [])
        reload(agent, {})
        expect("nothing defined", sorted(get(agent, "/v1/agent/services")), ["by-api"])
        expect("nothing checked", sorted(get(agent, "/v1/agent/checks")), [])


def watches(folder):
    def watch(file):
        return {"watches": [{"type": "key", "key": "k", "args": ["/bin/sh", "-c", f"cat >>{folder}/{file}; echo >>{folder}/{file}"]}]}

    def lines(file):
        path = os.path.join(folder, file)
        if not os.path.exists(path):
            return 0
        with open(path, encoding="utf-8") as text:
            return sum(line.strip() not in ("", "null") for line in text)
    with running(folder, {"enable_local_script_checks": True}) as agent:
        put(agent, "/v1/kv/k", 1)
        reload(agent, watch("one"))
        eventually("the handler runs", lambda: lines("one") == 1)
        reload(agent, watch("two"))
        eventually("the new handler runs", lambda: lines("two") == 1)
        put(agent, "/v1/kv/k", 2)
        eventually("and again", lambda: lines("two") == 2)
        expect("the old one does not", lines("one"), 1)
        reload(agent, {})
        put(agent, "/v1/kv/k", 3)
        reload(agent, watch("three"))
        eventually("a third one runs", lambda: lines("three") == 1)
        expect("the second does not", lines("two"), 2)


def node_meta_and_output(folder):
    with running(folder, {"checks": [{"id": "c", "name": "c", "ttl": "1h"}]}) as agent:
        checks = {"checks": [{"id": "c", "name": "c", "ttl": "1h"}]}
        put(agent, "/v1/agent/check/pass/c?note=told")
        expect("output before", get(agent, "/v1/agent/checks")["c"]["Output"], "told")
        reload(agent, {**checks, "node_meta": {"rack": "7"}, "discard_check_output": True})
        told = get(agent, "/v1/agent/self")
        expect("metadata", (told["Meta"].get("rack"), told["DebugConfig"]["NodeMeta"]), ("7", {"rack": "7"}))
        expect("the configuration that is shown", told["DebugConfig"]["DiscardCheckOutput"], True)
        eventually("the catalog follows", lambda: get(agent, "/v1/catalog/node/n1")["Node"]["Meta"].get("rack") == "7")
        put(agent, "/v1/agent/check/warn/c?note=again")
        check = get(agent, "/v1/agent/checks")["c"]
        expect("output after", (check["Status"], check["Output"]), ("warning", ""))


def other_keys_wait(folder):
    """What counts from the next start on is told, and does nothing before."""
    fresh = {"http_config": {"response_headers": {"X-New": "yes"}, "block_endpoints": ["/v1/kv"]},
             "limits": {"kv_max_value_size": 3}, "telemetry": {"prometheus_retention_time": "1h"}}
    effects = lambda agent: (agent.request("GET", "/v1/kv/k")[0], agent.request("PUT", "/v1/kv/x", "long")[0],
                             agent.request("GET", "/v1/agent/metrics?format=prometheus")[0])
    with running(folder, {}) as agent:
        put(agent, "/v1/kv/k", 1)
        expect("before", effects(agent), (200, 200, 415))
        reload(agent, fresh)
        for key in ("telemetry.prometheus_retention_time", "limits.kv_max_value_size", "http_config.block_endpoints",
                    "http_config.response_headers"):
            agent.await_line(f"the new value of {key} counts from the next start on")
        expect("after", effects(agent), (200, 200, 415))
    with running(folder, fresh) as agent:
        expect("after a restart", effects(agent), (403, 403, 200))


def by_signal(folder):
    with running(folder, {}) as agent:
        agent.configure({"dns_config": {"node_ttl": "9s"}})
        agent.process.send_signal(signal.SIGHUP)
        eventually("SIGHUP does the same", lambda: ask(agent, "n1.node.consul").answers[0][1] == 9)


def by_change(folder):
    """auto_reload_config: without anybody asking."""
    config = lambda ttl: {"auto_reload_config": True, "dns_config": {"node_ttl": f"{ttl}s"}}
    with running(folder, config(1)) as agent:
        ttl = lambda: ask(agent, "n1.node.consul").answers[0][1]
        expect("before", ttl(), 1)
        agent.configure(config(2))
        eventually("a change is taken over", lambda: ttl() == 2)
        agent.configure("{ broken")
        agent.await_line("the configuration stays as it was")
        expect("a broken file", ttl(), 2)
        agent.configure(config(3))
        eventually("the next change is taken over", lambda: ttl() == 3)
        os.replace(_written(folder, config(4)), agent.config_path)
        eventually("a file that is moved there, too", lambda: ttl() == 4)
        expect("it still serves", agent.request("GET", "/v1/status/leader")[0], 200)


def _written(folder, config):
    path = os.path.join(folder, "next.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return path


CASES = {
    "node_ttl": dns_case({}, {"node_ttl": "7s"}, lambda a: ask(a, "w1.node.consul").answers[0][1], 0, 7),
    "service_ttl": dns_case({"service_ttl": {"*": "3s"}}, {"service_ttl": {"we*": "5s", "*": "3s"}},
                            lambda a: ask(a, "web.service.consul").answers[0][1], 3, 5),
    "only_passing": dns_case({"udp_answer_limit": 20}, {"udp_answer_limit": 20, "only_passing": True},
                             lambda a: len(ask(a, "web.service.consul").answers), 6, 5),
    "udp_answer_limit": dns_case({}, {"udp_answer_limit": 2}, lambda a: len(ask(a, "web.service.consul").answers), 3, 2),
    "a_record_limit": dns_case({"udp_answer_limit": 20}, {"udp_answer_limit": 20, "a_record_limit": 1},
                               lambda a: len(ask(a, "web.service.consul").answers), 6, 1),
    "enable_truncate": dns_case({}, {"enable_truncate": True},
                                lambda a: bool(ask(a, "web.service.consul").flags & TRUNCATED), False, True),
    "strict_truncate": dns_case({"a_record_limit": 1}, {"a_record_limit": 1, "strict_truncate": True},
                                lambda a: bool(ask(a, "web.service.consul").flags & TRUNCATED), False, True),
    "multiple_tags": dns_case({}, {"multiple_tags": True}, lambda a: len(ask(a, "a.b.web.service.consul").answers), 0, 2),
    "disable_compression": dns_case({}, {"disable_compression": True},
                                    lambda a: ask(a, "web.service.consul").size > 110, False, True),
    "enable_additional_node_meta_txt": dns_case(
        {}, {"enable_additional_node_meta_txt": False},
        lambda a: any(rtype == TXT for rtype, _, _ in ask(a, "n1.node.consul").additional), True, False),
    "soa": dns_case({}, {"soa": {"refresh": 1, "retry": 2, "expire": 3, "min_ttl": 4}}, soa,
                    (3600, 600, 86400, 0), (1, 2, 3, 4)),
    "near": nearest,
    "recursors": recursors,
    "http_max_conns_per_client": connections,
    "telemetry": telemetry,
    "log_level": log_level,
    "services and checks": services_and_checks,
    "watches": watches,
    "node_meta, discard_check_output": node_meta_and_output,
    "other keys wait for a restart": other_keys_wait,
    "SIGHUP": by_signal,
    "auto_reload_config": by_change,
}


def main():
    failures = 0
    for name, case in CASES.items():
        if len(sys.argv) > 1 and not any(wanted in name for wanted in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(folder)
                print(f"reload: ok: {name}", flush=True)
            except (Failure, OSError) as failure:
                failures += 1
                print(f"reload: FAILED: {name}: {failure}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
