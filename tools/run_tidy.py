#!/usr/bin/env python3
"""Runs clang-tidy-14 on sources, two at a time, and fails if it finds anything.

    run_tidy.py COMPILE_COMMANDS FILE...

A header is looked at through the source of the same name, a public header by itself. The compile commands are given to
clang-tidy without the precompiled header, which g++ wrote and clang cannot read.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time

JOBS = min(2, os.cpu_count() or 1)
PCH_FLAGS = re.compile(r" -Winvalid-pch| -include \S*cmake_pch\.hxx")


def load_commands(path):
    """Maps each source's real path to its entry, cleaned of the precompiled header."""
    with open(path, encoding="utf-8") as source:
        entries = json.load(source)
    for entry in entries:
        entry["command"] = PCH_FLAGS.sub("", entry["command"])
    return {os.path.realpath(entry["file"]): entry for entry in entries}


def unit_of(path, commands):
    """Returns the entry through which a file is seen, or None."""
    real = os.path.realpath(path)
    if real in commands:
        return commands[real]
    stem, extension = os.path.splitext(real)
    if extension != ".h":
        return None
    if stem + ".cc" in commands:
        return commands[stem + ".cc"]
    include_root = os.path.realpath("include") + os.sep
    if real.startswith(include_root):
        name = re.sub(r"\W", "_", real[len(include_root):]) + ".cc"
        for file, entry in commands.items():
            if os.path.basename(file) == name and os.path.basename(os.path.dirname(file)) == "headers":
                return entry
    return None


def tidy(folder, file):
    """Returns (seconds, findings)."""
    start = time.monotonic()
    root = re.escape(os.getcwd())
    run = subprocess.run(["clang-tidy-14", "--quiet", "-p", folder, "--warnings-as-errors=*",
                          "--extra-arg=-Wno-unknown-warning-option",  # the commands are g++'s
                          "--header-filter=^%s/(include|lib|daemon)/" % root, file],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    text = run.stdout.strip()
    if run.returncode != 0 and not text:
        text = run.stderr.strip() or "clang-tidy-14 ended with status %d" % run.returncode
    return time.monotonic() - start, text


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    commands = load_commands(sys.argv[1])
    units = {}
    for path in sys.argv[2:]:
        entry = unit_of(path, commands)
        if entry is not None:
            units[entry["file"]] = entry
        elif path.endswith((".cc", ".h")):
            print("tidy: %s is part of no translation unit of its own name; it is seen through those including it" % path)
    if not units:
        print("tidy: nothing to look at")
        return 0
    bad = 0
    seen = set()  # a finding in a header shows up with each source that includes it
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as out:
            json.dump(list(units.values()), out)
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            results = pool.map(lambda file: (file, *tidy(folder, file)), sorted(units))
            for number, (file, seconds, text) in enumerate(results, 1):
                print("[%d/%d] %s (%.1f s)" % (number, len(units), os.path.relpath(file), seconds), flush=True)
                if text:
                    bad += 1
                    if text not in seen:
                        print(text, flush=True)
                    seen.add(text)
    print("tidy: %d of %d files with findings" % (bad, len(units)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
