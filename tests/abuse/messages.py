"""Bytes that are no proper request: what each is answered, as Go's net/http answers it."""

import os

from world import abuse, read_answer, require, status_of

BAD = "400 Bad Request"
GET = b"GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n"

# (what, bytes, the status line's end); None: the connection is closed without a word, or with nothing that counts.
STRANGE = [
    ("HTTP/0.9", b"GET /\r\n\r\n", BAD),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported: unsupported protocol version"),
    ("a version of the future", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n",
     "505 HTTP Version Not Supported: unsupported protocol version"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2 + b"\r\n\r\n", BAD),
    ("NULs", b"\0" * 1000 + b"\r\n\r\n", BAD),
    ("a NUL in a value", GET + b"X: a\0b\r\n\r\n", BAD),
    ("a NUL in a target", b"GET /v1/kv/a\0b HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    ("space in front of a colon", GET + b"Content-Length : 3\r\n\r\nabc", BAD),
    ("a folded value", GET + b"X: a\r\n b\r\n\r\n", BAD),
    ("a folded length", GET + b"Content-Length: 1\r\n 0\r\n\r\n", BAD),
    ("LF alone", b"GET / HTTP/1.1\nHost: a\n\n", BAD),
    ("CR alone", b"GET / HTTP/1.1\rHost: a\r\r\n\r\n", BAD),
    ("no method", b" / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    ("two spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    ("no host", b"GET / HTTP/1.1\r\n\r\n", BAD + ": missing required Host header"),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", BAD + ": too many Host headers"),
    ("a host with a space", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", BAD + ": malformed Host header"),
    ("two lengths", GET + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", BAD),
    ("a list of lengths", GET + b"Content-Length: 3, 3\r\n\r\nabc", BAD),
    ("a negative length", GET + b"Content-Length: -1\r\n\r\n", BAD),
    ("a length with a sign", GET + b"Content-Length: +3\r\n\r\nabc", BAD),
    ("a length beyond 64 bits", GET + b"Content-Length: 99999999999999999999\r\n\r\n", BAD),
    ("a length in hexadecimal", GET + b"Content-Length: 0x3\r\n\r\nabc", BAD),
    ("a length and a coding", b"PUT /v1/kv/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    ("a coding that is not spoken", GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501 Not Implemented"),
    ("a coding behind a control character", GET + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", BAD),
    ("two codings", GET + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", BAD),
    ("chunks in HTTP/1.0", b"PUT /v1/kv/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    ("a chunk size that is none", b"PUT /v1/kv/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", BAD),
    ("a chunk size beyond 64 bits", b"PUT /v1/kv/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", BAD),
    ("a chunk without its end", b"PUT /v1/kv/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", BAD),
    ("an extension without end", b"PUT /v1/kv/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;" + b"x" * 100_000, BAD),
    ("a trailer without end", b"PUT /v1/kv/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 20_000, BAD),
    ("an expectation", GET + b"Expect: the unexpected\r\n\r\n", "417 Expectation Failed"),
    ("CONNECT", b"CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    ("a target without a slash", b"GET v1/status/leader HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    ("an escape that is none", b"GET /v1/kv/%zz HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
]


@abuse()
def strange_messages(world):
    """Malformed, smuggling and foreign messages are refused; nothing behind them is taken for a request."""
    behind = b"PUT /v1/kv/smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
    for what, message, wanted in STRANGE:
        with world.raw() as connection:
            try:
                connection.sendall(message + behind)
            except OSError:
                pass  # it has had enough; the answer is there all the same
            answer = read_answer(connection)
        line = answer.split(b"\r\n", 1)[0].decode("latin-1")
        require(line == f"HTTP/1.1 {wanted}", f"{what}: {line!r} instead of {wanted!r}")
    require(world.ask("GET", "/v1/kv/smuggled")[0] == 404, "a request that was hidden behind another was served")
    require(world.metric("api.http.bad_requests") >= len(STRANGE) - 2, "bad requests are not counted")
    world.bounded(32)
    return f"{len(STRANGE)} forms"


@abuse()
def odd_but_valid(world):
    """What looks odd and is valid is served: absolute form, websockets' upgrade, many fields, chunks of one byte."""
    absolute = world.send_raw(b"GET http://a/v1/status/leader HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n")
    require(status_of(absolute) == 200, f"absolute form: {absolute[:100]!r}")
    asterisk = world.send_raw(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    require(status_of(asterisk) == 200, f"the asterisk: {asterisk[:100]!r}")
    upgrade = world.send_raw(GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    require(status_of(upgrade) == 200, f"upgrade: {upgrade[:100]!r}")
    http2 = world.send_raw(GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
    require(status_of(http2) == 200, f"h2c: {http2[:100]!r}")
    value = os.urandom(5000)
    chunks = b"".join(b"1;a=b\r\n" + value[i:i + 1] + b"\r\n" for i in range(len(value)))
    put = world.send_raw(b"PUT /v1/kv/chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
                         b"0\r\nX-Trailer: y\r\n\r\n")
    require(status_of(put) == 200, f"chunks: {put[:100]!r}")
    require(world.ask("GET", "/v1/kv/chunks?raw")[1] == value, "chunks: another value came back")
    slow = world.send_raw(*[bytes([b]) for b in GET + b"Connection: close\r\n\r\n"])
    require(status_of(slow) == 200, f"byte by byte: {slow[:100]!r}")


@abuse()
def long_heads(world):
    """A head beyond 1 MiB is refused with 431, whatever is long in it, and is not kept."""
    long_ones = [
        ("a URL of 10 MB", b"GET /" + b"a" * 10_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a field of 10 MB", GET + b"X: " + b"a" * 10_000_000 + b"\r\n\r\n"),
        ("10 MB of fields", GET + b"X: a\r\n" * 1_700_000 + b"\r\n"),
        ("a name of 10 MB", GET + b"a" * 10_000_000 + b": x\r\n\r\n"),
    ]
    for what, message in long_ones:
        answer = world.send_raw(message)
        require(answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"), f"{what}: {answer[:100]!r}")
    require(status_of(world.send_raw(GET + b"X: " + b"a" * 900_000 + b"\r\n\r\n")) == 200, "900 kB are not served")
    status = status_of(world.send_raw(b"GET /v1/kv/" + b"a" * 900_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"))
    require(status == 404, f"a key of 900 kB: {status}")
    query = "&".join(f"p{i}" for i in range(100_000)).encode()
    answer = world.send_raw(b"GET /v1/status/leader?" + query + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    require(status_of(answer) == 400 and b"Too many query parameters" in answer, f"{answer[:200]!r}")
    world.bounded(48)


@abuse()
def broken_off(world):
    """Clients that close half, reset in the middle, or leave before the answer take nothing with them."""
    for _ in range(20):
        with world.raw() as half:
            half.sendall(GET + b"\r\n")
            half.shutdown(1)
            require(status_of(read_answer(half)) == 200, "a client that has ended its sending gets no answer")
    world.ask("PUT", "/v1/kv/large", b"x" * 500_000)
    for number in range(300):
        connection = world.raw()
        cut = b"PUT /v1/kv/half HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"
        connection.sendall([GET[:20], GET + b"\r\n", b"GET /v1/kv/large HTTP/1.1\r\nHost: a\r\n\r\n" * 5, cut,
                            b"GET /v1/kv/half?index=9999&wait=5m HTTP/1.1\r\nHost: a\r\n\r\n"][number % 5])
        if number % 2 == 0:  # a reset instead of an end
            connection.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER: at once
        connection.close()
    require(world.ask("GET", "/v1/kv/half")[0] == 404, "half of a request was taken for a whole one")
    world.bounded(32)


TESTS = [strange_messages, odd_but_valid, long_heads, broken_off]
