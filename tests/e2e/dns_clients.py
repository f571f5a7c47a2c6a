#!/usr/bin/env python3
"""Lets the world's DNS clients ask an agent, and compares what they find with what was registered.

    tests/e2e/dns_clients.py [CLIENT...]     of: dig kdig unbound dnsmasq recursor nginx haproxy libc

dig and kdig ask in every way; Unbound and dnsmasq resolve for others, over their own caches; the agent itself asks
dnsmasq; nginx and HAProxy find their upstreams; the C library resolves in a network namespace in which the agent is
the name server. Needs the Debian packages bind9-dnsutils, knot-dnsutils, unbound, dnsmasq-base, nginx-light and
haproxy. Exits with 1, and says who found what, where they differ. Loopback only.
"""

import contextlib
import http.client
import http.server
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from agent import PATIENCE, Agent, eventually, free_ports

MANY = 100  # instances of one service: more than fit into a datagram


class Upstream:
    """A web server on 127.0.0.`number` that says its number."""

    def __init__(self, number):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"%d" % number)

            def log_message(self, *_):
                pass

        self.address = f"127.0.0.{number}"
        self.server = http.server.ThreadingHTTPServer((self.address, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def register(agent, upstreams):
    for number, upstream in enumerate(upstreams, 1):
        agent.put("/v1/catalog/register", {
            "Node": f"n{number}", "Address": f"192.0.2.{number}", "NodeMeta": {"rack": f"r{number}"},
            "Service": {"Service": "web", "Address": upstream.address, "Port": upstream.port,
                        "Tags": [f"v{number}", "all"]}})
    agent.put("/v1/catalog/register", {"Node": "n6", "Address": "2001:db8::6", "Service": {"Service": "six", "Port": 6}})
    agent.put("/v1/catalog/register", {"Node": "n7", "Address": "192.0.2.7",
                                       "Service": {"Service": "Mixed-Case", "Port": 7}})
    for number in range(MANY):
        agent.put("/v1/catalog/register", {"Node": f"m{number}", "Address": f"10.9.0.{number}",
                                           "Service": {"Service": "many", "Port": 9000 + number}})


def expectations(upstreams):
    """Name, type and the records that there are; None: there is no such name."""
    addresses = [u.address for u in upstreams]
    locations = [f"1 1 {u.port} 7f0000{int(u.address.split('.')[3]):02x}.addr.dc1.consul." for u in upstreams]
    return [
        ("web.service.consul", "A", addresses),
        ("web.service.dc1.consul", "A", addresses),
        ("v2.web.service.consul", "A", [upstreams[1].address]),
        ("web.service.consul", "AAAA", []),
        ("web.service.consul", "SRV", locations),
        ("_web._tcp.service.consul", "SRV", locations),
        ("_web._v1.service.consul", "SRV", locations[:1]),
        ("WEB.Service.Consul", "A", addresses),
        ("mixed-case.service.consul", "A", ["192.0.2.7"]),
        ("six.service.consul", "AAAA", ["2001:db8::6"]),
        ("six.service.consul", "SRV", ["1 1 6 n6.node.dc1.consul."]),
        ("n1.node.consul", "A", ["192.0.2.1"]),
        ("n1.node.consul", "TXT", ['"rack=r1"']),
        ("7f000001.addr.consul", "A", ["127.0.0.1"]),
        ("many.service.consul", "A", [f"10.9.0.{n}" for n in range(MANY)]),
        ("many.service.consul", "SRV", [f"1 1 {9000 + n} m{n}.node.dc1.consul." for n in range(MANY)]),
        ("none.service.consul", "A", None),
        ("web.service.dc9.consul", "A", None),
        ("none.node.consul", "TXT", None),
    ]


class Tester:
    """One run: the agent, its upstreams, and the folder that everything writes to."""

    def __init__(self, folder, dns_port=None):
        self.folder = folder
        self.failures = []
        self.upstreams = [Upstream(number) for number in (1, 2)]
        self.log = open(os.path.join(folder, "agent.log"), "ab")
        self.forward_port, = free_ports(1)
        ports = {"dns": dns_port} if dns_port else {}
        self.agent = Agent(["-dev", "-node=one", "-log-level=warn", "-hcl=dns_config { enable_truncate = true }",
                            f"-recursor=127.0.0.1:{self.forward_port}"], self.log, **ports)
        register(self.agent, self.upstreams)
        self.expected = expectations(self.upstreams)

    def close(self):
        self.agent.end(signal.SIGTERM)
        self.log.close()

    def check(self, client, what, found, expected):
        if found != expected:
            self.failures.append(f"{client}: {what}: found {found}, not {expected}")

    @contextlib.contextmanager
    def program(self, name, *arguments):
        path = os.path.join(self.folder, name + ".log")
        with open(path, "ab") as log:
            process = subprocess.Popen([name, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        except TimeoutError as error:
            with open(path, encoding="utf-8", errors="replace") as log:
                self.failures.append(f"{name}: {error}; its last words: {log.read()[-500:]}")
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def ask(program, port, name, rtype, *options):
    """The records of an answer, sorted; None for NXDOMAIN."""
    command = [program, "@127.0.0.1", "-p", str(port), name, rtype, *options]
    out = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False).stdout
    if "NXDOMAIN" in out:
        return None
    if "NOERROR" not in out:
        return [f"no answer: {out.strip()[:300]}"]
    records = [line.split(None, 4) for line in out.splitlines() if line and not line.startswith(";")]
    return sorted(record[4] for record in records if len(record) == 5 and record[3] == rtype)


def compare(tester, client, program, port, *options):
    for name, rtype, records in tester.expected:
        found = ask(program, port, name, rtype, *options)
        tester.check(client, f"{name} {rtype} {' '.join(options)}", found, records if records is None else sorted(records))


def test_dig(tester):
    for options in (["+noall", "+comments", "+answer"], ["+tcp"], ["+noedns"], ["+bufsize=4096"], ["+subnet=10.0.0.0/8"],
                    ["+nocookie", "+dnssec"], ["+adflag", "+cdflag"]):
        compare(tester, "dig", "dig", tester.agent.dns, *options)
    found = subprocess.run(["dig", "@127.0.0.1", "-p", str(tester.agent.dns), "-x", "192.0.2.1", "+short"],
                           capture_output=True, text=True, timeout=PATIENCE, check=False).stdout.strip()
    tester.check("dig", "-x 192.0.2.1", found, "n1.node.dc1.consul.")


def test_kdig(tester):
    for options in (["+noidn"], ["+tcp"], ["+tcp", "+keepopen"], ["+edns", "+bufsize=1232"], ["+padding"], ["+cookie"]):
        compare(tester, "kdig", "kdig", tester.agent.dns, *options)


def answers(port, name):
    return lambda: ask("dig", port, name, "A", "+tries=1", "+timeout=1") not in (None, []) \
        and "no answer" not in ask("dig", port, name, "A", "+tries=1", "+timeout=1")[0]


def test_unbound(tester):
    port, = free_ports(1)
    config = tester.write("unbound.conf", f"""
server:
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{tester.folder}"
  pidfile: "{tester.folder}/unbound.pid"
  use-syslog: no
  do-not-query-localhost: no
  module-config: "iterator"
  use-caps-for-id: yes
stub-zone:
  name: "consul."
  stub-addr: 127.0.0.1@{tester.agent.dns}
remote-control:
  control-enable: no
""")
    with tester.program("unbound", "-d", "-c", config):
        eventually("unbound answers", answers(port, "web.service.consul"))
        compare(tester, "unbound", "dig", port)
        compare(tester, "unbound", "kdig", port, "+tcp")


def dnsmasq(tester, port, *options):
    return tester.program("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                          "--bind-interfaces", "--listen-address=127.0.0.1", f"--port={port}", "--user=root",
                          f"--pid-file={tester.folder}/dnsmasq.pid", *options)


def test_dnsmasq(tester):
    port, = free_ports(1)
    with dnsmasq(tester, port, f"--server=/consul/127.0.0.1#{tester.agent.dns}"):
        eventually("dnsmasq answers", answers(port, "web.service.consul"))
        compare(tester, "dnsmasq", "dig", port)
        compare(tester, "dnsmasq", "dig", port, "+tcp")


def test_recursor(tester):
    """The agent asks dnsmasq for what is not its own; the two ask each other for what neither of them knows."""
    tester.agent.put("/v1/catalog/register", {"Node": "n8", "Address": "www.up.test",
                                              "Service": {"Service": "far", "Port": 8}})
    with dnsmasq(tester, tester.forward_port, "--address=/www.up.test/198.51.100.9", "--local=/up.test/",
                 f"--server=127.0.0.1#{tester.agent.dns}"):
        port = tester.agent.dns
        eventually("dnsmasq answers", answers(tester.forward_port, "www.up.test"))
        for options in ([], ["+tcp"], ["+noedns"]):
            tester.check("recursor", "www.up.test", ask("dig", port, "www.up.test", "A", *options), ["198.51.100.9"])
            tester.check("recursor", "no.up.test", ask("dig", port, "no.up.test", "A", *options), None)
            tester.check("recursor", "far.service.consul", ask("dig", port, "far.service.consul", "A", *options),
                         ["198.51.100.9"])
        out = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "nobody.knows.example", "+tries=1", "+timeout=15"],
                             capture_output=True, text=True, timeout=PATIENCE, check=False).stdout
        tester.check("recursor", "nobody.knows.example", "SERVFAIL" in out or "REFUSED" in out, True)
        tester.check("recursor", "the own zone meanwhile", ask("dig", port, "v1.web.service.consul", "A"), ["127.0.0.1"])


def http_get(port, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.read().decode() if response.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def test_nginx(tester):
    port, = free_ports(1)
    upstream = tester.upstreams[0]
    config = tester.write("nginx.conf", f"""
daemon off;
user root;
pid {tester.folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {tester.folder}/nginx-body;
  proxy_temp_path {tester.folder}/nginx-proxy;
  fastcgi_temp_path {tester.folder}/nginx-fastcgi;
  uwsgi_temp_path {tester.folder}/nginx-uwsgi;
  scgi_temp_path {tester.folder}/nginx-scgi;
  resolver 127.0.0.1:{tester.agent.dns} valid=1s;
  server {{
    listen 127.0.0.1:{port};
    set $upstream v1.web.service.consul;
    location / {{ proxy_pass http://$upstream:{upstream.port}; }}
  }}
}}
""")
    with tester.program("nginx", "-c", config, "-p", tester.folder, "-e", "stderr"):
        eventually("nginx finds its upstream", lambda: http_get(port) == "1")


def test_haproxy(tester):
    port, = free_ports(1)
    config = tester.write("haproxy.cfg", f"""
global
  stats socket {tester.folder}/haproxy.sock
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
resolvers agent
  nameserver agent 127.0.0.1:{tester.agent.dns}
  accepted_payload_size 8192
  resolve_retries 3
  timeout resolve 100ms
  timeout retry 1s
  hold valid 100ms
  hold obsolete 100ms
frontend in
  bind 127.0.0.1:{port}
  default_backend web
backend web
  balance roundrobin
  server-template web 5 _web._all.service.consul resolvers agent init-addr none
""")

    def found():
        return {http_get(port) for _ in range(6)}

    with tester.program("haproxy", "-db", "-f", config):
        eventually("HAProxy finds both instances", lambda: found() == {"1", "2"})
        critical = {"Node": "n1", "Address": "192.0.2.1",
                    "Check": {"CheckID": "down", "Name": "down", "ServiceID": "web", "Status": "critical"}}
        tester.agent.put("/v1/catalog/register", critical)
        eventually("HAProxy loses the unhealthy instance", lambda: found() == {"2"})
        critical["Check"]["Status"] = "passing"
        tester.agent.put("/v1/catalog/register", critical)
        eventually("HAProxy finds it again", lambda: found() == {"1", "2"})


def test_libc(tester):
    """In a namespace of its own: resolv.conf can name no port but 53."""
    own = ["unshare", "--net", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net", "--mount"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode != 0:
        print("dns_clients: libc: not tried, no namespaces may be made here")
        return
    result = subprocess.run([*own, sys.executable, os.path.abspath(__file__), "--inside"], capture_output=True, text=True,
                            timeout=6 * PATIENCE, check=False)
    tester.check("libc", "in its namespace", (result.returncode, result.stdout + result.stderr), (0, ""))


def inside():
    import ctypes  # only here
    import fcntl
    import struct
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
    with tempfile.TemporaryDirectory() as folder:
        tester = Tester(folder, dns_port=53)
        resolv = tester.write("resolv.conf", "nameserver 127.0.0.1\nsearch service.consul\noptions timeout:5\n")
        if ctypes.CDLL(None, use_errno=True).mount(resolv.encode(), b"/etc/resolv.conf", None, 4096, None) != 0:
            sys.exit("dns_clients: cannot put a resolv.conf into place: " + os.strerror(ctypes.get_errno()))

        def resolve(name, family=socket.AF_UNSPEC):
            try:
                return sorted({entry[4][0] for entry in socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM)})
            except socket.gaierror as error:
                return error.errno

        tester.check("libc", "web.service.consul", resolve("web.service.consul"), ["127.0.0.1", "127.0.0.2"])
        tester.check("libc", "web", resolve("web"), ["127.0.0.1", "127.0.0.2"])
        tester.check("libc", "n1.node.consul", resolve("n1.node.consul"), ["192.0.2.1"])
        tester.check("libc", "six.service.consul", resolve("six.service.consul"), ["2001:db8::6"])
        tester.check("libc", "six.service.consul A", resolve("six.service.consul", socket.AF_INET), socket.EAI_NODATA)
        tester.check("libc", "none.service.consul", resolve("none.service.consul"), socket.EAI_NONAME)
        tester.check("libc", "many.service.consul", len(resolve("many.service.consul", socket.AF_INET)), MANY)
        tester.check("libc", "192.0.2.1", socket.gethostbyaddr("192.0.2.1")[0], "n1.node.dc1.consul")
        subprocess.run(["umount", "/etc/resolv.conf"], check=False)
        tester.close()
        if tester.failures:
            sys.exit("\n".join(tester.failures))


TESTS = {"dig": test_dig, "kdig": test_kdig, "unbound": test_unbound, "dnsmasq": test_dnsmasq, "recursor": test_recursor,
         "nginx": test_nginx, "haproxy": test_haproxy, "libc": test_libc}


def main():
    if sys.argv[1:] == ["--inside"]:
        return inside()
    names = sys.argv[1:] or list(TESTS)
    if not set(names) <= set(TESTS):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        tester = Tester(folder)
        for name in names:
            before = len(tester.failures)
            TESTS[name](tester)
            print(f"dns_clients: {name}: {'ok' if len(tester.failures) == before else 'FAILED'}", flush=True)
        tester.close()
    if tester.failures:
        sys.exit("\n".join(tester.failures))


if __name__ == "__main__":
    main()
