"""Bodies and parameters that are extreme, or made to cost much."""

import json
import time
import urllib.parse

from world import abuse, require

KV_LIMIT = 512 << 10
BODY_LIMIT = 2 << 20
BODIES = ["/v1/agent/service/register", "/v1/agent/check/register", "/v1/agent/check/update/x", "/v1/catalog/register",
          "/v1/catalog/deregister", "/v1/txn", "/v1/session/create"]
MAX_ANSWER_SECONDS = 2.0
REASONS = [b"Must provide"]  # Consul says 500 to what is well formed and lacks something


def ask(world, method, path, body=None):
    """(status, body); fails if it takes long, or the answer is an error of the agent's that has no reason."""
    begun = time.monotonic()
    status, answer = world.ask(method, path, body)
    took = time.monotonic() - begun
    require(took < MAX_ANSWER_SECONDS, f"{method} {path[:80]} took {took:.1f} s")
    return status, answer


@abuse()
def odd_json(world):
    """Deep nesting, huge numbers, wrong types, invalid UTF-8 and zero bytes in JSON: an answer that says so."""
    deep = [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            b'{"Meta":' + b"[" * 100_000 + b"]" * 100_000 + b"}"]
    broken = [b"", b"{", b"nul", b'"', b'{"a":}', b"{}x", b"\0", b"\xff\xfe{}", b'{"Name":"\xff\xfe\xc0\x80"', b"[" * 7_000_000,
              b'"' + b"\\u0000" * 50_000, b'{"a":1,' * 50_000]
    for path in BODIES:
        for body in [*deep, *broken]:
            status, answer = ask(world, "PUT", path, body)
            fine = 400 <= status < 500 or (path == "/v1/session/create" and body in (b"", b"{}x") and status == 200)
            fine = fine or (status == 500 and any(text in answer for text in REASONS))
            require(fine, f"{path}: {status} {answer[:200]!r} to {body[:50]!r}")
    for number in (b"1e999999", b"-1e999999", b"9" * 400, b"-" + b"9" * 400, b"1e-999999", b"0." + b"3" * 100_000, b"1" * 100_000,
                   b"18446744073709551616", b"-9223372036854775809", b"1.5", b"0x10", b"+1", b"01", b"1e", b".5", b"NaN"):
        for template in (b'{"Name":"web","Port":%s}', b'{"Name":"web","Weights":{"Passing":%s}}',
                         b'{"Name":"web","Check":{"TTL":%s}}', b'{"Name":"web","Check":{"TTL":"%ss"}}'):
            status, answer = ask(world, "PUT", "/v1/agent/service/register", template % number)
            require(status in (200, 400), f"{template % number[:50]}: {status} {answer[:200]!r}")
        status, answer = ask(world, "PUT", "/v1/txn", b'[{"KV":{"Verb":"set","Key":"n","Flags":%s}}]' % number)
        require(status in (200, 400), f"flags {number[:50]!r}: {status} {answer[:200]!r}")
        status, answer = ask(world, "PUT", "/v1/session/create", b'{"LockDelay":%s,"TTL":"%ss"}' % (number, number))
        require(status in (200, 400, 500) and answer, f"lock delay {number[:50]!r}: {status} {answer[:200]!r}")
    for text in (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\0"):
        body = b'{"Node":"odd%s","Address":"1.2.3.4","NodeMeta":{"k":"%s"}}' % (text, text)
        status, answer = ask(world, "PUT", "/v1/catalog/register", body)
        require(status in (200, 400, 500) and answer, f"{body!r}: {status} {answer[:200]!r}")
    status, answer = ask(world, "GET", "/v1/catalog/nodes")
    json.loads(answer.decode())  # whatever came in, what goes out is valid
    world.bounded(160)


@abuse()
def odd_parameters(world):
    """Odd keys, escapes and numbers in paths and parameters."""
    for path, wanted in (("/v1/kv/a%00b", 400), ("/v1/kv/%0a", 400), ("/v1/kv/%", 400), ("/v1/kv/%ff%fe", 404),
                         ("/v1/kv/a%2f..%2fb", 301), ("/v1/kv/x?index=1e999999", 400), ("/v1/kv/x?index=" + "9" * 400, 400),
                         ("/v1/kv/x?wait=" + "9" * 400 + "h", 400), ("/v1/kv/x?wait=-1s", 404), ("/v1/kv/x?index=-1", 400),
                         ("/v1/catalog/nodes?max_stale=" + "9" * 99 + "s&stale", 400), ("/v1/kv/x?%zz=1", 500)):
        status, answer = ask(world, "GET", path)
        require(status == wanted, f"{path[:80]}: {status} {answer[:100]!r} instead of {wanted}")
    for flags in ("1e999999", "9" * 400, "-1", "%00", "0x10"):
        status, answer = ask(world, "PUT", f"/v1/kv/x?flags={flags}", b"v")
        require(status in (400, 500) and answer, f"flags {flags[:50]}: {status} {answer[:100]!r}")
    require(ask(world, "PUT", "/v1/kv/%ff%fe", b"v")[0] == 200, "a key that is no UTF-8")
    require(ask(world, "GET", "/v1/kv/%ff%fe?raw") == (200, b"v"), "a key that is no UTF-8, read")
    json.loads(ask(world, "GET", "/v1/kv/?recurse")[1].decode())
    json.loads(ask(world, "GET", "/v1/kv/?keys&separator=%ff")[1].decode())
    long_key = "k" * 100_000
    require(ask(world, "PUT", f"/v1/kv/{long_key}", b"v")[0] == 200, "a key of 100 kB")
    require(ask(world, "GET", f"/v1/kv/{long_key}?raw") == (200, b"v"), "a key of 100 kB, read")
    world.bounded(32)


@abuse()
def limits_to_the_byte(world):
    """Values, transactions and bodies at their limit, and one byte beyond it."""
    for size, wanted in ((KV_LIMIT, 200), (KV_LIMIT + 1, 413)):
        value = b"v" * size
        status, answer = ask(world, "PUT", "/v1/kv/limit", value)
        require(status == wanted, f"a value of {size} bytes: {status} {answer[:100]!r}")
        if wanted == 413:
            text = f"Request body({size} bytes) too large, max size: {KV_LIMIT} bytes. See ".encode()
            require(answer.startswith(text), f"a value of {size} bytes: {answer!r}")
        chunked = b"PUT /v1/kv/chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
            size, value)
        status = int(world.send_raw(chunked).split(b" ", 2)[1])
        require(status == wanted, f"a value of {size} bytes in a chunk: {status}")
        pad = size - len('[{"KV":{"Verb":"set","Key":"t","Value":""}}]')
        for body in (b'[{"KV":{"Verb":"set","Key":"t","Value":""}}]' + b" " * pad,):
            status, answer = ask(world, "PUT", "/v1/txn", body)
            require(status == wanted, f"a transaction of {size} bytes: {status} {answer[:100]!r}")
    require(len(ask(world, "GET", "/v1/kv/limit?raw")[1]) == KV_LIMIT, "the value at the limit")
    for count, wanted in ((64, 200), (65, 413)):
        operations = b",".join(b'{"KV":{"Verb":"set","Key":"t%d","Value":""}}' % n for n in range(count))
        status, answer = ask(world, "PUT", "/v1/txn", b"[" + operations + b"]")
        require(status == wanted, f"{count} operations: {status} {answer[:100]!r}")
    for size, wanted in ((BODY_LIMIT, 200), (BODY_LIMIT + 1, 413)):
        body = b'{"Node":"n","Address":"1.2.3.4"}'
        status, answer = ask(world, "PUT", "/v1/catalog/register", body + b" " * (size - len(body)))
        require(status == wanted and answer, f"a registration of {size} bytes: {status} {answer[:100]!r}")
    for size, wanted in ((128, 200), (129, 400)):
        body = json.dumps({"Name": "web", "Meta": {"k" * size: "v"}}).encode()
        status, answer = ask(world, "PUT", "/v1/agent/service/register", body)
        require(status == wanted, f"a key of metadata of {size} bytes: {status} {answer[:100]!r}")
    world.bounded(96)


@abuse(alone=True)
def filter_bombs(world):
    """Filters and regular expressions that are made to explode are refused or evaluated in bounded time and memory."""
    for number in range(40):
        body = {"Node": f"n{number}", "Address": "1.2.3.4", "NodeMeta": {"k": "a" * 500},
                "Service": {"Service": "web", "ID": f"w{number}", "Tags": ["a" * 200] * 5, "Meta": {"k": "a" * 500}}}
        require(world.ask("PUT", "/v1/catalog/register", json.dumps(body).encode())[0] == 200, "filling")
    world.start_polite()
    bombs = ["(" * 50_000, "(" * 50_000 + 'Node == "x"' + ")" * 50_000, "not " * 15_000 + 'Node == "x"', "x" * 100_000,
             " or ".join(['Node == "x"'] * 5000), '"' + "a" * 60_000, "Node matches `" + "(" * 20_000 + "`",
             "Node matches `((a{100}){100}){100}`", "Node matches `(x{1000}){1000}`", "Node matches `[[:word:]]{1000}`",
             " or ".join([f"Node matches `{c}{{900}}.*{c}{{900}}`" for c in "abcdefgh" * 10]),
             " or ".join(["Node matches `(a|b|ab)*[bc]{100}`"] * 60)]
    costly = ["(a*)*b", "(a|aa)+$", "^(a?){200}a{200}$", "(.*)(.*)(.*)(.*)(.*)x", "(a+)+(a+)+(a+)+b", ".*.*.*.*=.*", "(x?a?){400}b"]
    paths = {"/v1/catalog/nodes": "Meta.k", "/v1/health/service/web": "Service.Meta.k", "/v1/catalog/service/web": "ServiceMeta.k"}
    slowest = 0

    def timed(method, path):
        nonlocal slowest
        begun = time.monotonic()
        answer = ask(world, method, path)
        slowest = max(slowest, time.monotonic() - begun)
        return answer
    for path, selector in paths.items():
        for bomb in bombs:
            status, answer = timed("GET", f"{path}?filter={urllib.parse.quote(bomb)}")
            require(status in (200, 400, 500) and answer, f"{bomb[:60]}: {status} {answer[:100]!r}")
        for pattern in costly:
            status, answer = timed("GET", f"{path}?filter={urllib.parse.quote(f'{selector} matches `{pattern}`')}")
            require(status == 200, f"{pattern} on {path}: {status} {answer[:100]!r}")
    for number in range(200):
        require(ask(world, "PUT", "/v1/agent/service/register", b'{"Name":"s%d"}' % number)[0] == 200, "filling")
    status, answer = timed("GET", "/v1/agent/services?filter=Service%20matches%20%60(x?a?){400}b%60")
    require(status == 429, f"a costly pattern on the agent's services: {status} {answer[:100]!r}")
    require(timed("GET", "/v1/agent/services?filter=Service%20matches%20%60^s1.$%60")[0] == 200, "a cheap pattern")
    for pattern in ("((a{100}){100}){100}", "(" * 500, *costly):
        status, answer = timed("PUT", f"/v1/event/fire/x?node={urllib.parse.quote(pattern)}")
        require(status == 200 or b"filter" in answer or b"event" in answer, f"{pattern[:60]}: {status} {answer[:100]!r}")
    world.bounded(128)
    return f"slowest {slowest * 1000:.0f} ms"


TESTS = [odd_json, odd_parameters, limits_to_the_byte, filter_bombs]
