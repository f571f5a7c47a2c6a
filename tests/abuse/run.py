#!/usr/bin/env python3
"""Abuses agents in every way that we know, each with an agent of its own and a polite client beside it, who must be
served correctly and in time. No agent may end, grow beyond the bound of its test, or keep descriptors.

    tests/abuse/run.py [NAME...] [--list]      default: all of them
"""

import argparse
import sys
import tempfile
import time
import traceback

import connections
import messages
import resources
import values
from world import Failure

TESTS = [*connections.TESTS, *messages.TESTS, *values.TESTS, *resources.TESTS]


def run(test):
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            said = test(folder)
            problem = ""
        except (Failure, OSError, TimeoutError) as error:
            said, problem = "", f"{type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}"
            with open(f"{folder}/log", encoding="utf-8", errors="replace") as log:
                problem += "the agent's last words:\n" + "".join(log.readlines()[-10:])
    print(f"{time.monotonic() - begun:6.1f} s  {'ok    ' if not problem else 'FAILED'} {test.__name__}: "
          f"{said or problem}", flush=True)
    return not problem


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    known = {test.__name__: test for test in TESTS}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no test {unknown[0]}")
    if options.list:
        for test in TESTS:
            print(f"{test.__name__:24} {test.__doc__.splitlines()[0]}")
        return 0
    passed = [run(known[name]) for name in options.names or known]
    print(f"abuse: {sum(passed)} of {len(passed)} withstood")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
