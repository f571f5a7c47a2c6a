#!/usr/bin/env python3
"""Checks that the rooms of the house include only what lies below them (docs/architecture.md, "Rooms").

    check_includes.py [ROOT]      checks the tree; exit status 1 and a line for each offence
    check_includes.py --self-test

What is held:
  * a room sees itself and the rooms named before it in ROOMS; those in RESTRICTED see even less
  * private headers are included by their path from the root ("lib/codec/json_writer.h"), public ones as <discovery/x.h>
  * public headers see the standard library and each other only; discovery/asio.h may see Asio
  * pure code (PURE) has no clock, randomness, socket, thread or lock: neither the headers nor the calls
  * THIRD_PARTY says which rooms may see a library that is kept in few places
  * examples see the public headers only, cpp-httplib, and Asio
"""
import os
import re
import sys
import tempfile

# From the ground up. "public" is include/discovery.
ROOMS = ("public base balance env tls http1 codec metrics hcl filter model raft gossip state rpc acl health mesh server client remote agent "
         "http dns api daemon").split()
# The front ends ask through the model's interfaces and know nothing of what answers.
RESTRICTED = {"http": {"public", "base", "env", "http1", "codec", "metrics", "model", "http"},
              "dns": {"public", "base", "env", "http1", "codec", "model", "dns"},
              # It speaks to another agent, and so has nothing to do with the state of this one. Of health it dials by name.
              "remote": {"public", "base", "env", "tls", "http1", "codec", "model", "health", "remote"}}
# Pure code: whole rooms, and single files of others (beginnings of paths).
PURE_ROOMS = {"balance", "codec", "hcl", "filter", "model", "state"}
PURE_FILES = ("lib/http1/parser", "lib/dns/message", "lib/dns/answer", "lib/raft/core", "lib/gossip/swim", "lib/gossip/user_events")
PURE_ROOMS_BELOW = {"env", "tls", "http1"}  # rooms that touch the world, which pure rooms therefore do not see
IMPURE_HEADERS = {"thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch", "barrier",
                  "random", "fstream", "iostream", "filesystem", "csignal", "ctime", "unistd.h", "fcntl.h",
                  "poll.h", "netdb.h", "pthread.h", "signal.h", "time.h"}
IMPURE_FOLDERS = ("sys/", "netinet/", "arpa/", "net/", "asio", "boost/asio", "absl/synchronization/", "absl/random/")
IMPURE_CALLS = re.compile(r"\b(?:steady|system|high_resolution)_clock::now|\bthis_thread::|\brandom_device\b|\bs?rand\("
                          r"|\babsl::Now\b|\b(?:std::)?time\((?:nullptr|NULL|0)\)|\bclock_gettime\b")
# The store has one writer and readers on any thread; Beast's parser takes its input as Asio's buffers, which are plain views.
IMPURE_ALLOWED = {"state": {"mutex", "shared_mutex"}, "http1": {"boost/asio/buffer.hpp"}}
THIRD_PARTY = {"asio": {"env", "api", "daemon"}, "httplib.h": set(), "leveldb": {"raft", "agent"},
               "boost": {"http1"}, "openssl": {"tls"}}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def room_of(path):
    """The room of a file, named by its path from the root; None for what stands outside the table."""
    parts = path.split("/")
    if path.startswith("include/discovery/"):
        return "public"
    if parts[0] == "lib" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in ("daemon", "examples") else None


def allowed_rooms(room):
    if room in RESTRICTED:
        return RESTRICTED[room]
    below = set(ROOMS[:ROOMS.index(room) + 1])
    return below - PURE_ROOMS_BELOW if room in PURE_ROOMS else below


def top(header):
    """The library that a header belongs to: its first folder, or for Asio its name."""
    return "asio" if header in ("asio.hpp", "asio.h") else header.split("/")[0]


def check_angle(path, room, header):
    """Why this file may not include <header>, or None."""
    if header.startswith("discovery/"):
        return None
    if header.startswith(("lib/", "daemon/")):
        return 'private headers are included with quotes: "%s"' % header
    asio_face = path == "include/discovery/asio.h"
    if room in ("public", "examples"):
        standard = "/" not in header and "." not in header
        if not standard and not (asio_face and top(header) == "asio") and not (room == "examples" and (header == "httplib.h" or top(header) == "asio")):
            return "only the standard library and <discovery/...> are allowed here"
        return None
    holders = THIRD_PARTY.get(top(header))
    if holders is not None and room not in holders:
        return "%s belongs to %s" % (top(header), ", ".join(sorted(holders)))
    if is_pure(path, room) and header not in IMPURE_ALLOWED.get(room, ()):
        if header in IMPURE_HEADERS or header.startswith(IMPURE_FOLDERS):
            return "pure code has no clock, randomness, socket, thread, lock or file"
    return None


def check_quoted(path, room, header):
    """Why this file may not include "header", or None."""
    if room in ("public", "examples"):
        return "only the standard library and <discovery/...> are allowed here"
    if header.startswith(("include/discovery/", "discovery/")):
        return "public headers are included as <discovery/...>"
    target = room_of(header)
    if target not in ROOMS:
        return "write the path from the root: lib/<room>/... or daemon/..."
    allowed = allowed_rooms(room)
    if target not in allowed:
        return "%s may see: %s" % (room, " ".join(r for r in ROOMS if r in allowed))
    return None


def is_pure(path, room):
    return room in PURE_ROOMS or path.startswith(PURE_FILES)


def blank(match):
    """Keeps line numbers when a comment or a string is taken out."""
    return "\n" * match.group(0).count("\n")


def check_file(path, text):
    """Yields (line number, what is wrong) for one file, whose path is given from the root."""
    room = room_of(path)
    if room is None:
        return
    if room != "examples" and room not in ROOMS:
        yield 1, "there is no room '%s'; the rooms are: %s" % (room, " ".join(ROOMS))
        return
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        angle, quoted = found.groups()
        problem = check_angle(path, room, angle) if angle else check_quoted(path, room, quoted)
        if problem:
            yield number, "%s: %s" % (line.strip(), problem)
    if is_pure(path, room):
        for number, line in enumerate(COMMENT_OR_STRING.sub(blank, text).splitlines(), 1):
            found = IMPURE_CALLS.search(line)
            if found:
                yield number, "%s: pure code is given the time and its random numbers" % found.group(0)


def sources(root):
    for top_folder in ("include", "lib", "daemon", "examples"):
        for folder, folders, files in os.walk(os.path.join(root, top_folder)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".h", ".cc")):
                    yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def check_tree(root):
    """Returns (number of files, offences as printable lines)."""
    count, offences = 0, []
    for path in sources(root):
        count += 1
        with open(os.path.join(root, path), encoding="utf-8") as source:
            offences += ["%s:%d: %s" % (path, number, problem) for number, problem in check_file(path, source.read())]
    return count, offences


SELF_TEST = [  # (path, text, number of offences)
    ("lib/codec/a.cc", '#include "lib/codec/b.h"\n#include <discovery/status.h>\n#include <string>\n', 0),
    ("lib/codec/a.cc", '#include "lib/base/b.h"\n#  include   "lib/model/c.h"\n', 1),
    ("lib/codec/a.cc", '#include "b.h"\n', 1),
    ("lib/codec/a.cc", '#include <lib/base/b.h>\n', 1),
    ("lib/codec/a.cc", '#include "discovery/status.h"\n', 1),
    ("lib/codec/a.cc", '#include <thread>\n#include <sys/socket.h>\n#include <asio.hpp>\n', 3),
    ("lib/codec/a.cc", '#include "lib/env/env.h"\n', 1),
    ("lib/codec/a.cc", 'auto t = std::chrono::steady_clock::now();\nint x = rand();\n', 2),
    ("lib/codec/a.cc", '// steady_clock::now\nauto s = "random_device"; /* rand(\n rand() */ int strand(int);\n', 0),
    ("lib/state/a.cc", "#include <atomic>\n#include <mutex>\n", 0),
    ("lib/state/a.cc", "#include <thread>\n", 1),
    ("lib/balance/a.cc", "#include <chrono>\nauto t = std::chrono::steady_clock::now();\n#include <random>\n", 2),
    ("lib/base/a.cc", "#include <thread>\n", 0),
    ("lib/model/a.h", "#include <stop_token>\n", 0),
    ("lib/http1/parser.cc", "#include <boost/asio/buffer.hpp>\n#include <boost/asio/io_context.hpp>\n", 1),
    ("lib/dns/message.cc", "#include <mutex>\n", 1),
    ("lib/dns/server.cc", '#include <mutex>\n#include "lib/model/backend.h"\n#include "lib/env/env.h"\n', 0),
    ("lib/dns/server.cc", '#include "lib/state/store.h"\n#include "lib/http/router.h"\n#include "lib/server/server.h"\n', 3),
    ("lib/http/router.cc", '#include "lib/http/v1/kv.h"\n#include "lib/http1/message.h"\n', 0),
    ("lib/http/router.cc", '#include "lib/agent/agent.h"\n#include "lib/filter/filter.h"\n', 2),
    ("lib/server/server.cc", '#include "lib/state/store.h"\n#include "lib/agent/agent.h"\n', 1),
    ("lib/server/server.cc", "#include <asio/ip/tcp.hpp>\n#include <httplib.h>\n#include <leveldb/db.h>\n", 3),
    ("lib/env/posix.cc", "#include <asio/ip/tcp.hpp>\n#include <sys/socket.h>\n", 0),
    ("lib/nowhere/a.cc", "", 1),
    ("daemon/main.cc", '#include "lib/agent/agent.h"\n#include "daemon/cli/kv.h"\n#include <httplib.h>\n', 1),
    ("lib/agent/agent.cc", '#include "daemon/main.h"\n', 1),
    ("include/discovery/a.h", "#include <string>\n#include <discovery/status.h>\n", 0),
    ("include/discovery/a.h", '#include <absl/strings/cord.h>\n#include "lib/base/a.h"\n#include <sys/types.h>\n', 3),
    ("include/discovery/a.h", "#include <asio.hpp>\n", 1),
    ("include/discovery/asio.h", "#include <asio.hpp>\n#include <asio/any_io_executor.hpp>\n", 0),
    ("include/discovery/testing/simulation.h", "#include <discovery/env.h>\n", 0),
    ("examples/a.cc", '#include <discovery/agent.h>\n#include <httplib.h>\n#include "lib/base/a.h"\n', 1),
    ("examples/a.cc", "#include <asio/io_context.hpp>\n#include <absl/time/time.h>\n", 1),
    ("tests/base/a_test.cc", '#include "lib/base/a.h"\n#include <asio.hpp>\n', 0),
]


def self_test():
    failed = 0
    for path, text, expected in SELF_TEST:
        got = list(check_file(path, text))
        if len(got) != expected:
            failed += 1
            print("%s\n%s  expected %d offences, got %d: %s" % (path, text, expected, len(got), got))
    with tempfile.TemporaryDirectory() as root:  # and the walk over a tree
        os.makedirs(os.path.join(root, "lib/dns"))
        with open(os.path.join(root, "lib/dns/server.cc"), "w", encoding="utf-8") as out:
            out.write('\n#include "lib/state/store.h"\n')
        count, offences = check_tree(root)
        if count != 1 or len(offences) != 1 or not offences[0].startswith("lib/dns/server.cc:2: "):
            failed += 1
            print("the walk over a tree found %d files and %s" % (count, offences))
    print("check_includes: self-test: %d of %d failed" % (failed, len(SELF_TEST) + 1))
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    count, offences = check_tree(root)
    for offence in offences:
        print(offence)
    print("check_includes: %d files, %d offences" % (count, len(offences)))
    return 1 if offences or not count else 0


if __name__ == "__main__":
    sys.exit(main())
