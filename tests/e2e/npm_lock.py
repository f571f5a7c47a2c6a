#!/usr/bin/env python3
"""The locks of the npm package "consul", as its authors have published it, against an agent.

    tests/e2e/npm_lock.py

One gets the lock, another waits for it, the lock is handed on, lost with its session, and had again after the
lock-delay (npm_lock.js). Needs node and npm, and what npm fetches from its registry. Exits with 1, and says what went
otherwise, if something did. Loopback only, but for that.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

from agent import Agent

PACKAGE = "consul@0.40.0"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error", PACKAGE],
                       cwd=folder, check=True, timeout=60)
        script = shutil.copy(os.path.join(here, "npm_lock.js"), folder)
        with open(os.path.join(folder, "agent.log"), "w", encoding="utf-8") as log:
            agent = Agent(["-dev"], log)
            try:
                done = subprocess.run(["node", script, str(agent.port)], timeout=80, check=False)
            finally:
                agent.end(signal.SIGKILL)
    print(f"npm-lock: {'passed' if done.returncode == 0 else 'FAILED'} with {PACKAGE}")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
