"""Clients that take connections and do not get on: too slow, too many, too much, or never reading."""

import resource
import selectors
import socket
import time

from world import PATIENCE, Failure, abuse, eventually, read_answer, require, status_of

MARGIN = 3000  # descriptors that are left to other things
CONNECTIONS = 190  # of one address: fewer than it may have, so that it is served
TOO_MANY = b"Your IP is issuing too many concurrent connections, please rate limit your calls"
DNS_QUERY = b"\0\x27\x12\x34\1\0\0\1\0\0\0\0\0\0\6consul\7service\6consul\0\0\1\0\1"


def send_what_goes(connections, data):
    """Offers bytes to all; those that do not take them now, or have gone, are passed over."""
    for connection in connections:
        try:
            connection.send(data, socket.MSG_DONTWAIT)
        except OSError:
            pass


def close_all(connections):
    for connection in connections:
        connection.close()


def ended(connection):
    """Whether the other side has closed; waits for it."""
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


@abuse()
def slow_headers(world):
    """A byte of a head every half second: cut off after 10 s, however regularly it comes."""
    slow = [world.raw() for _ in range(CONNECTIONS)]
    send_what_goes(slow, b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    begun = time.monotonic()
    world.every(0.5, lambda: send_what_goes(slow, b"x"))
    for connection in slow:
        require(ended(connection), "")
    took = time.monotonic() - begun
    world.stop.set()
    require(9 < took < 16, f"they were cut off after {took:.1f} s")
    require(world.metric("api.http.timed_out") == CONNECTIONS, "those who were too slow are not counted")
    close_all(slow)
    world.bounded(32)
    return f"cut off after {took:.1f} s"


@abuse()
def slow_bodies(world):
    """Bodies that begin large and then drip: they do not take the memory, nor the place, of others' bodies."""
    slow = [world.raw() for _ in range(CONNECTIONS)]
    head = b"PUT /v1/catalog/register HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n"
    for connection in slow:
        try:
            connection.sendall(head + b" " * 2_000_000)
        except OSError:
            pass  # pushed out, and it may be told so
    world.every(0.2, lambda: send_what_goes(slow, b" "))
    large = b"x" * 500_000
    for number in range(20):  # who sends a large body at once is served all the same
        status, body = world.ask("PUT", f"/v1/kv/large{number}", large, source="127.0.0.3")
        require((status, body) == (200, b"true\n"), f"a large value of another client: {status} {body[:100]!r}")
    world.bounded(192)
    require(world.metric("api.http.cut_incoming") > 50, "those who were cut off are not counted")
    world.stop.set()
    close_all(slow)
    eventually("what they took is given back", lambda: world.resident() - world.resident_before < 48 << 20)


@abuse()
def endless_bodies(world):
    """Chunks without end, of one byte or many, end with 413; and so does a length that is too large."""
    head = b"PUT /v1/kv/endless HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    for what, chunk in (("of one byte", b"1\r\nx\r\n" * 10_000), ("of 60 kB", b"EA60\r\n" + b"x" * 60_000 + b"\r\n"),
                        ("of one byte, with extensions", (b"1;" + b"e" * 200 + b"\r\nx\r\n") * 300)):
        with world.raw() as connection:
            connection.sendall(head)
            try:
                for _ in range(3000):
                    connection.sendall(chunk)
                raise Failure(f"chunks {what} are taken without end")
            except OSError:
                pass
    for what, chunk in (("of one byte", b"1\r\nx\r\n" * 530_000), ("of 60 kB", (b"EA60\r\n" + b"x" * 60_000 + b"\r\n") * 9)):
        answer = world.send_raw(head + chunk)
        require(status_of(answer) == 413, f"chunks {what}: {answer[:100]!r}")
    answer = world.send_raw(b"PUT /v1/kv/endless HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000000000000\r\n\r\n")
    require(status_of(answer) == 413, f"a length of 9 EB: {answer[:100]!r}")
    with world.raw() as connection:  # sends all before it reads, as many do
        connection.sendall(b"PUT /v1/kv/large HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 10_000_000)
        require(status_of(read_answer(connection)) == 413, "who sends 10 MB hears nothing of the limit")
    world.bounded(32)


@abuse()
def pipelining_flood(world):
    """Requests without end whose answers nobody takes are not read on."""
    world.ask("PUT", "/v1/kv/big", b"x" * 100_000)
    request = b"GET /v1/kv/big HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/status/leader HTTP/1.1\r\nHost: a\r\n\r\n" * 200
    flood = [world.raw(receive_buffer=4096) for _ in range(CONNECTIONS)]
    for connection in flood:
        connection.setblocking(False)
    end = time.monotonic() + 3
    sent = 0
    while time.monotonic() < end:
        for connection in flood:
            try:
                sent += connection.send(request)
            except BlockingIOError:
                pass
    world.bounded(96)
    close_all(flood)
    return f"{sent >> 20} MiB were taken"


@abuse(alone=True)
def slow_readers(world):
    """A byte a second of answers of 30 MB, each another one: old ones are cut off before they take the memory."""
    for number in range(45):
        require(world.ask("PUT", f"/v1/kv/{'p' * 100}/{number}", b"x" * 500_000)[0] == 200, "filling")
    world.start_polite()
    readers = [world.raw(receive_buffer=4096) for _ in range(100)]
    for number, reader in enumerate(readers):
        reader.sendall(b"GET /v1/kv/" + b"p" * number + b"?recurse HTTP/1.1\r\nHost: a\r\n\r\n")
    begun = time.monotonic()

    def read_a_byte():
        for reader in readers:
            try:
                reader.recv(1, socket.MSG_DONTWAIT)
            except OSError:
                pass
    world.every(1, read_a_byte)
    while time.monotonic() < begun + 12:
        world.bounded(640)
        world.stop.wait(0.05)
    cut, refused = world.metric("api.http.cut_outgoing"), world.metric("api.http.refused_answers")
    require(cut + refused > 50, "those who were cut off are not counted")
    world.stop.set()
    close_all(readers)


def as_many_as(wanted):
    """So many connections, or as many as this machine lets one process have; here and in the agents."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + MARGIN, max(hard, wanted + MARGIN)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - MARGIN)


MANY = as_many_as(20_000)


@abuse(hcl=f"limits {{ http_max_conns_per_client = {MANY} }}")
def twenty_thousand(world):
    """20,000 connections, each served; with Consul's limit raised."""
    selector = selectors.DefaultSelector()
    try:
        connections = []
        for number in range(MANY):  # several addresses, since each has 28,000 ports at most
            connection = world.raw(source=f"127.0.0.{10 + number % 4}")
            connection.sendall(b"GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n\r\n")
            connections.append(connection)
            selector.register(connection, selectors.EVENT_READ)
        served = 0
        end = time.monotonic() + PATIENCE
        while served < MANY and time.monotonic() < end:
            for key, _ in selector.select(1):
                answer = key.fileobj.recv(4096)
                require(answer.startswith(b"HTTP/1.1 200 "), f"one of many got {answer[:100]!r}")
                selector.unregister(key.fileobj)
                served += 1
        require(served == MANY, f"{served} of {MANY} were served")
        require(world.descriptors() >= MANY, "there are fewer connections than there should be")
        world.bounded(160)
        close_all(connections)
        return f"{MANY} served"
    finally:
        selector.close()


@abuse()
def over_the_limit(world):
    """Beyond 200 connections an address is told so, and cannot take the place of others with what it is told."""
    held = [world.raw() for _ in range(200)]
    for connection in held:
        connection.sendall(b"GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n\r\n")
        require(status_of(read_answer(connection)) == 200, "one of 200")
    for _ in range(20):
        answer = read_answer(refused := world.raw())
        require(answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n") and answer.endswith(TOO_MANY), f"{answer!r}")
        refused.close()
    stubborn = [world.raw() for _ in range(5000)]  # and they do not close
    require(world.ask("GET", "/v1/status/leader", source="127.0.0.3")[0] == 200, "another address")
    require(world.metric("api.http.refused") >= 5020, "those who are refused are not counted")
    require(world.descriptors() < 1000, f"those who are refused keep {world.descriptors()} descriptors")
    require(world.ask("GET", "/v1/status/leader", source="127.0.0.3")[0] == 200, "another address")
    close_all(stubborn)
    held[0].close()
    eventually("who ends one connection may have another", lambda: status_of(
        world.send_raw(b"GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n\r\n")) == 200)
    close_all(held)
    world.bounded(64)


@abuse()
def dns_over_tcp(world):
    """Connections to DNS that are idle, or stop in the middle of a query, make room for those who ask."""
    def connect(source):
        connection = socket.socket()
        connection.settimeout(PATIENCE)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", world.agent.dns))
        return connection
    held = []
    for number in range(2000):
        held.append(connect("127.0.0.1"))
        held[-1].sendall((b"", b"\0", DNS_QUERY[:20])[number % 3])
        if number % 100 == 0:
            with connect("127.0.0.3") as polite:
                polite.sendall(DNS_QUERY)
                require(polite.recv(2048)[2:4] == b"\x12\x34", "who asks over TCP gets no answer")
    require(world.descriptors() < world.open_before + 1200, f"{world.descriptors()} descriptors are open")
    flood = connect("127.0.0.1")  # queries without end, whose answers nobody takes
    flood.setblocking(False)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            flood.send(DNS_QUERY * 100)
        except BlockingIOError:
            pass
    too_long = connect("127.0.0.1")
    too_long.sendall(b"\xff\xff" + b"x" * 3000)
    require(ended(too_long), "")
    world.bounded(32)
    close_all([*held, flood, too_long])


TESTS = [slow_headers, slow_bodies, endless_bodies, pipelining_flood, slow_readers, twenty_thousand, over_the_limit,
         dns_over_tcp]
