#!/usr/bin/env python3
"""Patroni, as Debian has it, keeps two PostgreSQL instances with an agent as its store.

    tests/e2e/patroni.py

They start, one leads and the other follows; the lead is handed over with patronictl; then Patroni and PostgreSQL of
the leader are killed, and the other takes over once the session has expired. Rows written to each leader must be there
afterwards. Needs the Debian packages patroni, postgresql and (as PostgreSQL runs under no root) their user postgres
where it is run by root. Exits with 1, and says what went otherwise, if something did. Loopback only.
"""

import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from agent import Agent, eventually, free_ports

SCOPE = "e2e"
# The smallest that Patroni takes: its session's TTL is half of `ttl`, 10 s, and so is gone after 20 s at the latest.
TIMES = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3}
START = 60  # seconds
FAILOVER = 20 + 10
USER = "postgres" if os.geteuid() == 0 else None


class Failure(Exception):
    """What a test expected did not come about."""


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        raise Failure("there is no PostgreSQL")
    return os.path.dirname(found[-1])


class Instance:
    """One Patroni with its PostgreSQL."""

    def __init__(self, name, folder, agent):
        self.name, self.folder = name, os.path.join(folder, name)
        self.data = os.path.join(self.folder, "data")
        self.rest_port, self.sql_port = free_ports(2)
        self.config = os.path.join(self.folder, "patroni.json")  # YAML takes JSON
        os.mkdir(self.folder, 0o700)
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self._settings(agent), file)
        if USER:
            for path in (self.folder, self.config):
                shutil.chown(path, USER, USER)
        self.process = None

    def _settings(self, agent):
        parameters = {"unix_socket_directories": self.folder, "fsync": "off", "max_connections": 20,
                      "shared_buffers": "16MB"}
        passwords = {kind: {"username": kind, "password": "secret"} for kind in ("superuser", "replication", "rewind")}
        passwords["superuser"]["username"] = "postgres"
        return {
            "scope": SCOPE, "name": self.name, "restapi": self._address(self.rest_port),
            "consul": {"host": f"127.0.0.1:{agent.port}", "register_service": True, "service_check_interval": "1s"},
            "bootstrap": {"dcs": {**TIMES, "postgresql": {"use_pg_rewind": True, "parameters": parameters}},
                          "initdb": [{"encoding": "UTF8"}, "no-sync", {"auth": "trust"}],
                          "pg_hba": ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust",
                                     "local all all trust"]},
            "postgresql": {**self._address(self.sql_port), "data_dir": self.data, "bin_dir": binaries(),
                           "pgpass": os.path.join(self.folder, "pgpass"), "authentication": passwords},
        }

    @staticmethod
    def _address(port):
        return {"listen": f"127.0.0.1:{port}", "connect_address": f"127.0.0.1:{port}"}

    def start(self):
        with open(os.path.join(self.folder, "log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(["patroni", self.config], stdout=log, stderr=log, cwd=self.folder, user=USER,
                                            group=USER, extra_groups=[] if USER else None)

    def postmaster(self):
        """The process of PostgreSQL; None if there is none."""
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
                pid = int(file.readline())
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError):
            return None

    def kill(self):
        """Ends both at once."""
        postmaster = self.postmaster()
        self.process.kill()
        if postmaster:
            os.kill(postmaster, signal.SIGKILL)
        self.process.wait(20)

    def stop(self):
        """Ends both in order, or else at once."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        if self.postmaster():
            os.kill(self.postmaster(), signal.SIGKILL)

    def is_role(self, role):
        """Whether Patroni says that this one is "leader" or "replica" and runs."""
        if self.process.poll() is not None:
            raise Failure(f"the Patroni of {self.name} ended with {self.process.returncode}: {self.last_words()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest_port}/{role}", timeout=2) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def last_words(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
            return "".join(log.readlines()[-8:])

    def sql(self, statement):
        """What psql prints; None if it fails."""
        done = subprocess.run(["psql", "-qtAX", "-h", "127.0.0.1", "-p", str(self.sql_port), "-U", "postgres", "-c",
                               statement, "postgres"], capture_output=True, text=True, timeout=20, check=False,
                              env={**os.environ, "PGCONNECT_TIMEOUT": "3"})
        return done.stdout.strip() if done.returncode == 0 else None


def await_leader(instance, limit):
    begun = time.monotonic()
    eventually(f"{instance.name} leads", lambda: instance.is_role("leader"), limit)
    return time.monotonic() - begun


def write(leader, others, number, limit=20):
    """Writes a row to the leader and awaits it at the others."""
    eventually(f"{leader.name} takes row {number}", lambda: leader.sql(f"insert into e2e values ({number})") is not None)
    for other in others:
        eventually(f"{other.name} has row {number}",
                   lambda one=other: one.sql(f"select n from e2e where n = {number}") == str(number), limit)


def start(agent, instances):
    begun = time.monotonic()
    for instance in instances:
        instance.start()
    leader = eventually("one of them leads",
                        lambda: next((one for one in instances if one.is_role("leader")), None), START)
    replica = next(one for one in instances if one is not leader)
    eventually(f"{replica.name} follows", lambda: replica.is_role("replica"), START)
    leader.sql("create table e2e (n integer)")
    write(leader, [replica], 1)
    # With the service's id, which has no slash, and the session's keys that have.
    eventually("the leader is in the catalog under its role", lambda: [
        entry["ServicePort"] for entry in agent.get(f"/v1/catalog/service/{SCOPE}?tag=master")] == [leader.sql_port])
    entry = agent.get(f"/v1/kv/service/{SCOPE}/leader")[0]
    print(f"start: {leader.name} leads and {replica.name} follows after {time.monotonic() - begun:.1f} s; "
          f"session {entry['Session']}", flush=True)
    return leader, replica


def switch_over(agent, leader, replica):
    begun = time.monotonic()
    done = subprocess.run(["patronictl", "-c", leader.config, "switchover", "--master", leader.name, "--candidate",
                           replica.name, "--force", SCOPE], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Failure(f"patronictl switchover: {done.stdout}{done.stderr}")
    await_leader(replica, 20)
    eventually(f"{leader.name} follows", lambda: leader.is_role("replica"), 30)
    write(replica, [leader], 2, 30)
    if replica.sql("select count(*) from e2e") != "2":
        raise Failure("a row is missing after the switchover")
    print(f"switchover: {replica.name} leads and {leader.name} follows after {time.monotonic() - begun:.1f} s", flush=True)
    return replica, leader


def fail_over(agent, leader, replica):
    leader.kill()
    passed = await_leader(replica, FAILOVER)
    write(replica, [], 3)
    if replica.sql("select string_agg(n::text, ',' order by n) from e2e") != "1,2,3":
        raise Failure("a row is missing after the failover")
    holder = agent.get(f"/v1/session/info/{agent.get(f'/v1/kv/service/{SCOPE}/leader')[0]['Session']}")
    if len(holder) != 1:
        raise Failure("the lead belongs to no session")
    print(f"failover: {replica.name} leads {passed:.1f} s after {leader.name} was killed", flush=True)


def check_user():
    if USER:
        pwd.getpwnam(USER)
    for program in ("patroni", "patronictl", "psql"):
        if shutil.which(program) is None:
            raise Failure(f"there is no {program}")


def main():
    failed = False
    folder = tempfile.mkdtemp(prefix="patroni.")
    if USER:
        shutil.chown(folder, USER, USER)
    instances = []
    with open(os.path.join(folder, "agent.log"), "w", encoding="utf-8") as log:
        check_user()
        agent = Agent(["-dev"], log)
        try:
            instances = [Instance(name, folder, agent) for name in ("one", "two")]
            leader, replica = start(agent, instances)
            leader, replica = switch_over(agent, leader, replica)
            fail_over(agent, leader, replica)
        except (Failure, TimeoutError, OSError, subprocess.SubprocessError) as failure:
            failed = True
            print(f"FAILED: {failure}")
            for instance in instances:
                print(f"--- the last words of {instance.name}\n{instance.last_words()}")
        finally:
            for instance in instances:
                instance.stop()
            agent.end(signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"patroni: {'FAILED' if failed else 'passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
