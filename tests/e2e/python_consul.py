#!/usr/bin/python3
"""Sessions and locks through python-consul, as Debian's package python3-consul has it, against an agent.

    tests/e2e/python_consul.py

Sessions are created, shown, listed, renewed and destroyed, and one expires by its TTL; a lock is taken, refused, waited
for, released and lost, with both behaviours and with a lock-delay. Needs the package python3-consul, hence the
system's own Python. Exits with 1, and says what went otherwise, if something did. Loopback only.
"""

import signal
import sys
import tempfile
import threading
import time

import consul

from agent import Agent, eventually

KEY = "e2e/python/lock"


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} instead of {wanted!r}")


def sessions(client):
    made = client.session.create(name="one", ttl=10, lock_delay=3, behavior="delete")
    _, info = client.session.info(made)
    expect("name", info["Name"], "one")
    expect("TTL", info["TTL"], "10s")
    expect("behaviour", info["Behavior"], "delete")
    expect("lock-delay", info["LockDelay"], 3 * 10**9)
    _, everywhere = client.session.list()
    _, on_node = client.session.node(info["Node"])
    for found in (everywhere, on_node):
        expect("it is listed", made in [session["ID"] for session in found], True)
    expect("it is renewed", client.session.renew(made)["ID"], made)
    expect("it is destroyed", client.session.destroy(made), True)
    expect("then it is gone", client.session.info(made)[1], None)
    try:
        client.session.renew(made)
        raise AssertionError("what is gone was renewed")
    except consul.NotFound:
        pass
    try:
        client.session.create(ttl=10, node="nobody")
        raise AssertionError("a session on a node that is not there")
    except consul.ConsulException as error:
        print(f"refused: {error}")
    print("sessions: created, shown, listed, renewed, destroyed")


def locks(client):
    first = client.session.create(name="first", ttl=60, lock_delay=0)
    second = client.session.create(name="second", ttl=60, lock_delay=0, behavior="delete")
    expect("the first takes it", client.kv.put(KEY, "1", acquire=first), True)
    expect("the first takes it again", client.kv.put(KEY, "1", acquire=first), True)
    expect("the second does not", client.kv.put(KEY, "2", acquire=second), False)
    expect("nor does it release it", client.kv.put(KEY, "2", release=second), False)
    index, entry = client.kv.get(KEY)
    expect("holder", entry["Session"], first)
    expect("LockIndex", entry["LockIndex"], 1)

    woken = []
    waiter = threading.Thread(target=lambda: woken.append(client.kv.get(KEY, index=index, wait="20s")))
    waiter.start()
    expect("the first releases it", client.kv.put(KEY, "1", release=first), True)
    waiter.join(20)
    expect("who waits sees it", "Session" in woken[0][1], False)
    expect("the second takes it", client.kv.put(KEY, "2", acquire=second), True)
    expect("LockIndex", client.kv.get(KEY)[1]["LockIndex"], 2)
    client.session.destroy(second)
    expect("the key goes with the session", client.kv.get(KEY)[1], None)
    client.session.destroy(first)
    print("locks: taken, refused, waited for, released, deleted with their session")


def lock_delay(client):
    old = client.session.create(name="old", ttl=60, lock_delay=2)
    new = client.session.create(name="new", ttl=60)
    expect("the old one takes it", client.kv.put(KEY, "old", acquire=old), True)
    begun = time.monotonic()
    client.session.destroy(old)
    expect("the lock is free", "Session" in client.kv.get(KEY)[1], False)
    expect("but not to be had", client.kv.put(KEY, "new", acquire=new), False)
    eventually("the lock is to be had", lambda: client.kv.put(KEY, "new", acquire=new))
    passed = time.monotonic() - begun
    expect("after the lock-delay", passed >= 2, True)
    client.session.destroy(new)
    print(f"lock-delay of 2 s: had after {passed:.2f} s")


def expires(client, session, begun):
    eventually("a session that is not renewed ends", lambda: client.session.info(session)[1] is None, 25)
    passed = time.monotonic() - begun
    # It ends between its TTL and twice that; the rest is the machine's.
    expect("between its TTL and twice that", 10 <= passed < 21.5, True)
    print(f"TTL of 10 s: gone after {passed:.1f} s")


def main():
    with tempfile.NamedTemporaryFile("w", prefix="python_consul.") as log:
        agent = Agent(["-dev"], log)
        try:
            client = consul.Consul(port=agent.port)
            begun = time.monotonic()
            forgotten = client.session.create(name="forgotten", ttl=10)
            for scenario in (sessions, locks, lock_delay):
                scenario(client)
            expires(client, forgotten, begun)
        finally:
            agent.end(signal.SIGKILL)
    print("python-consul: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
