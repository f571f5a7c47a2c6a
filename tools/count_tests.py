#!/usr/bin/env python3
"""Counts test cases after a run of ctest.

    count_tests.py FOLDER

FOLDER holds ctest's own report (ctest.xml), which says how each program ended, and a tally for each Catch2 program
(tests/support/main.cc), which says how each test case ended. A program without a tally (a fuzz target over its
corpus) counts as one test. A program that ended badly counts as at least one failure, whatever it had tallied before.

Prints what failed, and "N passed, M failed" as the last line. The exit status is 1 if anything failed or nothing passed.
"""
import os
import sys
import xml.etree.ElementTree as ElementTree


def read_tally(path):
    """Returns (names passed, names failed, name of the case that began and never ended, or None)."""
    passed, failed, running = [], [], None
    with open(path, encoding="utf-8", errors="replace") as source:
        for line in source:
            what, _, name = line.rstrip("\n").partition("\t")
            running = name if what == "start" else None
            if what == "pass":
                passed.append(name)
            elif what == "fail":
                failed.append(name)
    return passed, failed, running


def count_program(folder, name, status):
    """Returns (number passed, list of failures) of one program."""
    path = os.path.join(folder, name + ".tally")
    good = status == "run"  # ctest's word for a program that ran and succeeded
    if not os.path.exists(path):
        return (1, []) if good else (0, ["%s: %s" % (name, status)])
    passed, failed, running = read_tally(path)
    failures = ["%s: %s" % (name, case) for case in failed]
    if running is not None:
        failures.append("%s: ended in the middle of: %s" % (name, running))
    if not good and not failures:
        failures.append("%s: all its test cases passed, but the program did not end well" % name)
    return len(passed), failures


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = sys.argv[1]
    passed, failures = 0, []
    try:
        cases = list(ElementTree.parse(os.path.join(folder, "ctest.xml")).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        cases, failures = [], ["ctest left no report: %s" % error]
    for case in cases:
        if case.get("status") == "disabled":
            continue
        count, failed = count_program(folder, case.get("name"), case.get("status"))
        passed += count
        failures += failed
    for failure in failures:
        print("FAILED %s" % failure)
    print("%d passed, %d failed" % (passed, len(failures)))
    return 1 if failures or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
