"""Who does what to the agent during a soak. Each actor runs in a process of its own until it is told to stop, then takes
away what it has made; it raises at the first answer that a proper agent would not give."""

import http.client
import http.server
import json
import random
import socket
import struct
import threading
import time

PATIENCE = 30


class Client:
    """A connection that is kept open, and what was expected of it."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def ask(self, method, path, body=None, expect=(200,)):
        text = json.dumps(body) if isinstance(body, (dict, list)) else body
        self.connection.request(method, path, text)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status not in expect:
            raise AssertionError(f"{method} {path}: {response.status} {answer[:200]!r}")
        return response, answer

    def put(self, path, body=None, expect=(200,)):
        return self.ask("PUT", path, body, expect)[1]

    def get(self, path, expect=(200,)):
        return json.loads(self.ask("GET", path, expect=expect)[1] or b"null")


def paced(stop, per_second):
    """Yields so many times a second, as long as the soak goes on."""
    due = time.monotonic()
    while not stop.is_set():
        due = max(due + 1 / per_second, time.monotonic() - 1)
        if (left := due - time.monotonic()) > 0:
            time.sleep(left)
        yield


def local_services(ports, stop, seed):
    """Registers services with TTL checks here, changes their state, and takes them away again."""
    dice, client, alive = random.Random(seed), Client(ports[0]), {}
    for _ in paced(stop, 150):
        number = dice.randrange(200)
        name, service_id = f"local-{number % 20}", f"local-{number}"
        if service_id not in alive:
            client.put("/v1/agent/service/register",
                       {"ID": service_id, "Name": name, "Port": 1000 + number, "Tags": [f"t{number % 3}", "soak"],
                        "Meta": {"turn": str(dice.randrange(10))}, "Check": {"TTL": "10m", "Status": "passing"}})
            alive[service_id] = True
        elif dice.random() < 0.2:
            client.put(f"/v1/agent/service/deregister/{service_id}")
            del alive[service_id]
        else:
            state = dice.choice(("pass", "warn", "fail"))
            client.put(f"/v1/agent/check/{state}/service:{service_id}?note={dice.randrange(100)}")
    for service_id in alive:
        client.put(f"/v1/agent/service/deregister/{service_id}")


def external_nodes(ports, stop, seed):
    """Writes the catalog directly, nodes with services and checks, and removes them."""
    dice, client, alive = random.Random(seed), Client(ports[0]), set()
    for _ in paced(stop, 100):
        node = f"ext-{dice.randrange(60)}"
        if node in alive and dice.random() < 0.1:
            client.put("/v1/catalog/deregister", {"Node": node})
            alive.remove(node)
            continue
        client.put("/v1/catalog/register",
                   {"Node": node, "Address": "192.0.2.1",
                    "Service": {"Service": f"outside-{dice.randrange(5)}", "ID": f"s{dice.randrange(5)}",
                                "Port": dice.randrange(1, 65536)},
                    "Check": {"Name": "up", "CheckID": "up", "Status": dice.choice(("passing", "critical"))}})
        alive.add(node)
    for node in alive:
        client.put("/v1/catalog/deregister", {"Node": node})


class Flapping(http.server.BaseHTTPRequestHandler):
    """A service that is well for some seconds, then not, each of its paths at other times."""

    def do_GET(self):  # noqa: N802 (the name is the library's)
        ill = (int(time.monotonic()) + len(self.path)) % 7 < 2
        self.send_response(503 if ill else 200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"well")

    def log_message(self, *_):
        pass


class FlappingServer(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        """On a slow machine an agent gives up before the answer is there; that is its right."""


def flapping_checks(ports, stop, _seed):
    """HTTP checks every second against a service that flaps."""
    server = FlappingServer(("127.0.0.1", 0), Flapping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client(ports[0])
    for number in range(40):
        client.put("/v1/agent/service/register",
                   {"Name": f"flap-{number % 4}", "ID": f"flap-{number}", "Port": server.server_port,
                    "Check": {"HTTP": f"http://127.0.0.1:{server.server_port}/{'x' * (number % 7)}", "Interval": "1s"}})
    stop.wait()
    client = Client(ports[0])  # the first connection has been idle for too long by now
    for number in range(40):
        client.put(f"/v1/agent/service/deregister/flap-{number}")
    server.shutdown()


def watchers(ports, stop, seed):
    """Waits for changes by blocking queries, some of which are left in the middle; an index may not fall."""
    paths = ([f"/v1/health/service/local-{n}?passing" for n in range(20)] +
             [f"/v1/health/service/flap-{n}?" for n in range(4)] +
             ["/v1/catalog/services?", "/v1/catalog/nodes?", "/v1/kv/soak/?recurse", "/v1/kv/soak/3?",
              "/v1/health/state/any?", "/v1/agent/services?"])
    wrong = []

    def watch(number):
        dice = random.Random(seed + number)
        try:
            while not stop.is_set():
                client, path, index = Client(ports[0]), dice.choice(paths), 0
                for _ in range(dice.randrange(1, 12)):
                    if stop.is_set():
                        return
                    if dice.random() < 0.05:  # goes without a word while its question waits
                        client.connection.request("GET", f"{path}&index={index}&wait=60s")
                        break
                    response, _ = client.ask("GET", f"{path}&index={index}&wait={dice.randrange(1, 4)}s", expect=(200, 404))
                    now = int(response.getheader("X-Consul-Index") or 0)
                    if now < index:
                        raise AssertionError(f"{path}: the index fell from {index} to {now}")
                    index = now
                client.connection.close()
        except Exception as failure:  # pylint: disable=broad-except
            wrong.append(failure)

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


def keys_and_sessions(ports, stop, seed):
    """Writes, compares, locks and deletes keys; what was written last is what is read."""
    dice, client, mine = random.Random(seed), Client(ports[0]), {}
    session = json.loads(client.put("/v1/session/create", {"TTL": "10m", "Behavior": "delete"}))["ID"]
    for turn, _ in enumerate(paced(stop, 300)):
        key = f"soak/{dice.randrange(300)}"
        what = dice.random()
        if what < 0.45:
            value = "v" * dice.choice((1, 100, 1000, 20000))
            client.put(f"/v1/kv/{key}", value)
            mine[key] = value
        elif what < 0.75:
            answer = client.ask("GET", f"/v1/kv/{key}?raw", expect=(200, 404))[1].decode()
            if answer != mine.get(key, ""):
                raise AssertionError(f"{key} has {len(answer)} bytes, {len(mine.get(key, ''))} were written")
        elif what < 0.85:
            client.ask("DELETE", f"/v1/kv/{key}")
            mine.pop(key, None)
        elif what < 0.95:
            client.put("/v1/txn", [{"KV": {"Verb": "set", "Key": f"soak/{n}", "Value": "dHhu"}} for n in range(300, 310)])
        else:
            client.put(f"/v1/kv/lock?acquire={session}", "held")
            client.put(f"/v1/kv/lock?release={session}")
        if turn % 500 == 499:
            client.put(f"/v1/session/destroy/{session}")
            session = json.loads(client.put("/v1/session/create", {"TTL": "10m", "Behavior": "delete"}))["ID"]
    client.put(f"/v1/session/destroy/{session}")
    client.ask("DELETE", "/v1/kv/soak/?recurse")


def dns_queries(ports, stop, seed):
    """Asks for names that are there, that come and go, and that never were; each question gets an answer."""
    dice = random.Random(seed)
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.settimeout(PATIENCE)
    asking.connect(("127.0.0.1", ports[1]))
    for _ in paced(stop, 300):
        name = dice.choice((f"local-{dice.randrange(25)}.service.consul", f"flap-{dice.randrange(4)}.service.consul",
                            f"ext-{dice.randrange(60)}.node.consul", f"t1.local-{dice.randrange(20)}.service.consul",
                            f"no-{dice.randrange(1 << 30)}.service.consul"))
        number = dice.randrange(1 << 16)
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
        asking.send(struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels +
                    struct.pack(">2H", dice.choice((1, 33, 255)), 1))
        answer = asking.recv(65535)
        code = answer[3] & 15
        if struct.unpack(">H", answer[:2])[0] != number or code not in (0, 3):
            raise AssertionError(f"{name}: an answer with code {code}")


def broken_connections(ports, stop, seed):
    """Comes and goes: in the middle of a head, of a body, of an answer, and at once."""
    dice = random.Random(seed)
    beginnings = (b"", b"GET /v1/kv/soa", b"PUT /v1/kv/soak/half HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
                  b"GET /v1/kv/soak/?recurse HTTP/1.1\r\nHost: x\r\n\r\n" * 8, b"nonsense\r\n\r\n",
                  b"GET /v1/health/state/any?index=999999999&wait=30s HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in paced(stop, 60):
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=PATIENCE) as connection:
            connection.sendall(dice.choice(beginnings))
            if dice.random() < 0.3:  # breaks with a reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def polite_client(ports, stop, latencies):
    """Reads one key again and again, and says how long each took, in seconds."""
    client, taken = Client(ports[0]), []
    for _ in paced(stop, 100):
        began = time.perf_counter()
        client.ask("GET", "/v1/kv/polite")
        taken.append(time.perf_counter() - began)
        if len(taken) == 100:
            latencies.put(taken)
            taken = []


ACTORS = (local_services, external_nodes, flapping_checks, watchers, keys_and_sessions, dns_queries, broken_connections)
