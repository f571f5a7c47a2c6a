#!/usr/bin/env python3
"""Checks what public headers cost those who include them.

    check_headers.py [HEADER...]      all of include/discovery, if none is named

Each header stays under MAX_LINES lines, and takes at most MAX_OWN_MS of processor time to parse beyond the standard
headers that it stands on, which most programs include anyhow. Times are the least of ROUNDS, by g++ -fsyntax-only.
"""
import os
import re
import resource
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "include")
MAX_LINES = 300
MAX_OWN_MS = 150
ROUNDS = 3
INCLUDE = re.compile(r"^\s*#\s*include\s*<([^>]+)>", re.M)


def headers():
    for folder, folders, files in os.walk(os.path.join(ROOT, "discovery")):
        folders.sort()
        for name in sorted(files):
            # The one that brings Asio with it is for those who have it already.
            if name.endswith(".h") and name != "asio.h":
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(header):
    with open(os.path.join(ROOT, header), encoding="utf-8") as source:
        return source.read()


def standard_headers(header, seen):
    """The standard headers that a public one includes, itself and by others."""
    found = set()
    for included in INCLUDE.findall(read(header)):
        if not included.startswith("discovery/"):
            found.add(included)
        elif included not in seen:
            seen.add(included)
            found |= standard_headers(included, seen)
    return found


def parse_ms(includes):
    text = "".join("#include <%s>\n" % header for header in includes)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["g++", "-std=c++20", "-fsyntax-only", "-DDISCOVERY_STATIC", "-I" + ROOT, "-x", "c++", "-"],
                   input=text.encode(), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main():
    offences = 0
    print("%-36s %6s %8s %8s" % ("header", "lines", "own, ms", "all, ms"))
    for header in sys.argv[1:] or headers():
        standard = sorted(standard_headers(header, set()))
        # In turns, so that others on the machine disturb both alike.
        pairs = [(parse_ms(standard), parse_ms([header])) for _ in range(ROUNDS)]
        whole = min(pair[1] for pair in pairs)
        own = whole - min(pair[0] for pair in pairs)
        lines = read(header).count("\n")
        wrong = lines >= MAX_LINES or own > MAX_OWN_MS
        offences += wrong
        print("%-36s %6d %8.0f %8.0f%s" % (header, lines, own, whole, "  TOO MUCH" if wrong else ""))
    print("check_headers: %d offences" % offences)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
