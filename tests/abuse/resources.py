"""The machine gives no more: descriptors, memory, disk."""

import json
import os
import resource
import signal
import socket
import subprocess
import threading
import time

from world import World, abuse, read_answer, require, status_of

MIB = 1 << 20


def service(name):
    return json.dumps({"Name": name, "Port": 80, "Tags": ["x" * 100]}).encode()


@abuse(server=True)
def out_of_descriptors(world):
    """No descriptor is left: who is connected is served, nothing spins, files cannot be written and that is said."""
    existing = world.agent.connect()
    require(world.agent.request(existing, "GET", "/v1/status/leader")[0] == 200, "an early connection")
    world.limit(resource.RLIMIT_NOFILE, world.descriptors() + 40)
    waiting = []
    for number in range(200):  # the kernel takes them; the agent cannot
        waiting.append(world.raw(source=f"127.0.0.{10 + number % 4}"))
        waiting[-1].sendall(b"GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n\r\n")
    begun, used = time.monotonic(), world.cpu_seconds()
    refused = 0
    for number in range(100):
        status, body = world.agent.request(existing, "GET", "/v1/status/leader")
        require(status == 200, f"who is connected gets {status}")
        status, body = world.agent.request(existing, "PUT", "/v1/agent/service/register", {"Name": f"s{number}"})
        require(status == 200 or (status == 500 and b"open" in body), f"a registration gets {status} {body!r}")
        refused += status == 500
        threading.Event().wait(0.01)
    cpu = (world.cpu_seconds() - used) / (time.monotonic() - begun)
    require(cpu < 0.7, f"the agent uses {cpu * 100:.0f} % of a processor")
    known = set(world.agent.get("/v1/agent/services")) if not refused else None
    for connection in waiting[:150]:
        connection.close()
    for connection in waiting[150:]:
        require(status_of(read_answer(connection)) == 200, "who waited is not served when there is room again")
        connection.close()
    status, body = world.agent.request(existing, "PUT", "/v1/agent/service/register", {"Name": "after"})
    require(status == 200, f"a registration afterwards: {status} {body!r}")
    services = world.agent.get("/v1/agent/services")
    require(len(services) == 101 - refused, f"{len(services)} services; {100 - refused} and one were registered")
    require(known is None or known <= set(services), "services are lost")
    existing.close()
    return f"{refused} registrations were refused, {cpu * 100:.0f} % CPU"


@abuse()
def out_of_memory(world):
    """The system gives no memory for a large request: it is refused, and others are served."""
    for number in range(40):
        require(world.ask("PUT", f"/v1/kv/fill/{number}", b"x" * 500_000)[0] == 200, "filling")
    world.limit(resource.RLIMIT_AS, world.virtual() + 8 * MIB)
    nodes = b'{"Node":"n","Address":"1.2.3.4","Checks":[' + b",".join(
        [b'{"CheckID":"c%d","Name":"x"}' % n for n in range(60_000)]) + b"]}"
    statuses = {}
    for number in range(60):
        method, path, body = [("PUT", "/v1/catalog/register", nodes), ("GET", "/v1/kv/fill?recurse", None),
                              ("PUT", "/v1/agent/service/register", b"[" + b"0," * 1_000_000 + b"0]"),
                              ("GET", "/v1/kv/fill?recurse&pretty", None)][number % 4]
        with world.raw() as connection:
            head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body or b'')}\r\n\r\n".encode()
            try:
                connection.sendall(head + (body or b""))
            except OSError:
                pass
            answer = read_answer(connection)
        status = status_of(answer) if answer else 0
        statuses[status] = statuses.get(status, 0) + 1
        world.alive()
    world.limit(resource.RLIMIT_AS, None)
    require(world.metric("api.http.out_of_memory") > 0, "requests without memory are not counted")
    require(set(statuses) - {200, 0}, "nothing was refused; the test's limit is too high")
    require(not set(statuses) - {0, 200, 400, 429, 500, 503}, f"unexpected answers: {statuses}")
    status, body = world.ask("GET", "/v1/kv/fill?recurse")
    require(status == 200 and len(json.loads(body)) == 40, "the state afterwards")
    return f"answers by status {statuses}"


def full_disk(folder):
    """The disk of the data directory is full: registrations are refused and undone, and succeed when there is room."""
    data = os.path.join(folder, "data")
    os.mkdir(data)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", data], check=False).returncode == 0
    try:
        return on_full_disk(folder, data, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", data], check=True)


def on_full_disk(folder, data, mounted):
    """With a small file system of its own, or where that is not allowed, no file may have any length."""
    world = World(folder, server=True)
    promised = set()
    fill = os.path.join(data, "fill")

    def take_all_room():
        if not mounted:
            return world.limit(resource.RLIMIT_FSIZE, 0)
        with open(fill, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return None

    def give_room_back():
        if mounted:
            return os.remove(fill)
        return world.limit(resource.RLIMIT_FSIZE, None)

    try:
        for number in range(5):
            require(world.ask("PUT", "/v1/agent/service/register", service(f"early{number}"))[0] == 200, "at first")
            promised.add(f"early{number}")
        take_all_room()
        for number in range(20):
            status, body = world.ask("PUT", "/v1/agent/service/register", service(f"late{number}"))
            require(status == 500 and body, f"a registration on a full disk: {status} {body!r}")
            require(b"No space left" in body or b"File too large" in body, f"it does not say why: {body!r}")
        status, body = world.ask("PUT", "/v1/agent/service/register", json.dumps({"Name": "early0", "Port": 81}).encode())
        require(status == 500, f"a change on a full disk: {status} {body!r}")
        services = world.agent.get("/v1/agent/services")
        require(set(services) == promised, f"the agent has {sorted(services)}")
        require(services["early0"]["Port"] == 80, "what was refused has changed something")
        require(world.ask("PUT", "/v1/kv/a", b"x")[0] == 200, "what needs no disk is served")
        give_room_back()
        require(world.ask("PUT", "/v1/agent/service/register", service("again"))[0] == 200, "when there is room again")
        promised.add("again")
        said = world.settle()
        require(world.agent.end(signal.SIGTERM) in (0, 1), "the end")
        world.close()
        world = World(folder, server=True, alone=True)
        require(set(world.agent.get("/v1/agent/services")) == promised, "after a restart other services are there")
        return f"{'a full tmpfs' if mounted else 'no file may grow'}; {said}"
    finally:
        world.close()


@abuse()
def dns_over_udp(world):
    """Datagrams that are no queries, at full speed, cost others little; nothing is answered to answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.connect(("127.0.0.1", world.agent.dns))
        flood.setblocking(False)
        answer = b"\x12\x34\x81\x80\0\1\0\0\0\0\0\0\6consul\7service\6consul\0\0\1\0\1"
        flood.send(answer)  # with QR set: two servers that answer each other's answers never end
        pieces = [b"", b"\0", b"\xff" * 1000, b"\x12\x34\1\0" + b"\xff\xff" * 4 + b"\xc0\x0c" * 100, answer,
                  b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + b"\x3f" + b"a" * 63 + b"\xc0\x0c\0\1\0\1"]
        end = time.monotonic() + 2
        sent = 0
        while time.monotonic() < end:
            for piece in pieces:
                try:
                    flood.send(piece)
                    sent += 1
                except (BlockingIOError, ConnectionRefusedError):
                    pass
    world.bounded(32)
    return f"{sent} datagrams"


TESTS = [out_of_descriptors, out_of_memory, full_disk, dns_over_udp]
