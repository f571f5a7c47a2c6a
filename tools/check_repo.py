#!/usr/bin/env python3
"""Checks rules of the house that a machine can see (CONTRIBUTING.md). Prints each offence; exit status 1 if there is one.

    check_repo.py [ROOT]
    check_repo.py --self-test
"""
import os
import re
import sys

CODE = ("include/", "lib/", "daemon/")
MAX_LINES = 800
MAX_PUBLIC_LINES = 300

# (which files, what must not be there, why); the files by the beginning of their path from the root
PATTERNS = [
    (CODE + ("tests/", "examples/", "bench/", "tools/", "scripts/", "cmake/"),
     re.compile(r"(?://|/\*|#).*\b(?:TODO|FIXME|XXX|HACK)\b"), "what is in the tree is finished"),
    (("include/", "lib/"), re.compile(r"\b(?:std::|secure_)?getenv\s*\("), "the library does not read the environment"),
    (("include/", "lib/"), re.compile(r"(?<![\w.>])(?:std::|::)?(?:abort|exit|_exit|_Exit|quick_exit)\s*\(|\bstd::terminate\s*\("),
     "the library never ends its host's process"),
    (("include/", "lib/"), re.compile(r"(?<![\w.>:])(?:std::|::)?(?:signal|sigaction)\s*\("),
     "the library sets no signal handlers"),
    (("include/", "lib/"), re.compile(r"\bstd::c(?:out|err|log)\b|(?<![\w.>])(?:std::)?(?:printf|puts)\s*\("),
     "the library writes to its log sink only"),
    (CODE + ("tests/", "examples/", "bench/", "tools/", "scripts/", "cmake/"), re.compile(r"^(?:<<<<<<<|>>>>>>>) "),
     "a merge that was not finished"),
    (("tests/",), re.compile(r"\[!(?:mayfail|shouldfail|hide)\]|\"\[\.\w*\]"), "a test outside the run is dead"),
]
COMMENT = re.compile(r"^\s*(?://|\*|/\*)")
EXEMPT = ("tools/check_repo.py", "bench/side_by_side/", "tests/conformance/")
TEXT = (".h", ".cc", ".py", ".sh", ".cmake", ".txt", "run", "setup", "test", "tidy", "format")


def check_file(path, text):
    """Yields (line number, what is wrong); the path is given from the root."""
    lines = text.splitlines()
    if path.startswith(CODE) and path.endswith((".h", ".cc")):
        if len(lines) > MAX_LINES:
            yield 1, "%d lines; the limit is %d, split it by meaning" % (len(lines), MAX_LINES)
        if path.startswith("include/") and len(lines) >= MAX_PUBLIC_LINES:
            yield 1, "%d lines; a public header has less than %d" % (len(lines), MAX_PUBLIC_LINES)
        if path.endswith(".h") and not any(line.strip() == "#pragma once" for line in lines):
            yield 1, "no #pragma once"
    for places, pattern, why in PATTERNS:
        if not path.startswith(places):
            continue
        about_comments = "TODO" in pattern.pattern
        for number, line in enumerate(lines, 1):
            if not about_comments and COMMENT.match(line):
                continue
            found = pattern.search(line)
            if found:
                yield number, "%s: %s" % (found.group(0).strip(), why)


def check_tree(root):
    """Returns (number of files, offences as printable lines)."""
    count, offences = 0, []
    for top in ("include", "lib", "daemon", "tests", "examples", "bench", "tools", "scripts", "cmake"):
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if f not in ("corpus", "__pycache__"))
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
                if path.startswith(EXEMPT) or not name.endswith(TEXT):
                    continue
                count += 1
                with open(os.path.join(root, path), encoding="utf-8") as source:
                    text = source.read()
                offences += ["%s:%d: %s" % (path, number, problem) for number, problem in check_file(path, text)]
    return count, offences


def check_packages(setup, page):
    """Yields each package that scripts/setup installs and docs/dependencies.md does not name."""
    for packages in re.findall(r"packages\+?=\((.*?)\n?\)", setup, re.DOTALL):
        for package in re.sub(r"#.*|\"[^\"]*\"", "", packages).split():
            if "`%s`" % package not in page:
                yield "docs/dependencies.md: does not name %s, which scripts/setup installs" % package


SELF_TEST = [  # (path, text, number of offences)
    ("lib/base/a.cc", "int x;\n", 0),
    ("lib/base/a.cc", "int x;  // TODO: more\n", 1),
    ("scripts/setup", "<<<<<<< HEAD\n=======\n>>>>>>> 1234567 (subject)\n", 2),
    ("lib/base/a.cc", "\n" * 801, 1),
    ("lib/base/a.cc", 'auto p = std::getenv("X");\nabort();\nstd::exit(1);\nstd::cerr << 1;\n', 4),
    ("lib/base/a.cc", "// never calls abort(); nor exit()\nconnection.abort();\ntimer->exit();\nonce_exit();\n", 0),
    ("lib/base/a.cc", "std::snprintf(buffer, 3, \"\");\nslots.signal(3);\n", 0),
    ("daemon/main.cc", 'std::getenv("X"); std::exit(1); std::puts("");\n', 0),
    ("include/discovery/a.h", "#pragma once\n" + "\n" * 299, 1),
    ("include/discovery/a.h", "int x;\n", 1),
    ("tests/base/a_test.cc", 'TEST_CASE("a", "[!mayfail]") {}\nTEST_CASE("b", "[.]") {}\n', 2),
]


def self_test():
    failed = 0
    for path, text, expected in SELF_TEST:
        got = list(check_file(path, text))
        if len(got) != expected:
            failed += 1
            print("%s\n%s  expected %d offences, got %d: %s" % (path, text[:200], expected, len(got), got))
    got = list(check_packages('packages=(\n  a b # two\n)\nci=1\n  x || ci_packages+=(c d)\npackages+=("${ci[@]}")\n',
                              "`a`, `c` and b"))
    if len(got) != 2 or "name b," not in got[0] or "name d," not in got[1]:
        failed += 1
        print("check_packages: %s" % got)
    print("check_repo: self-test: %d of %d failed" % (failed, len(SELF_TEST) + 1))
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    count, offences = check_tree(root)
    offences += check_packages(*(open(os.path.join(root, path), encoding="utf-8").read()
                                 for path in ("scripts/setup", "docs/dependencies.md")))
    for offence in offences:
        print(offence)
    print("check_repo: %d files, %d offences" % (count, len(offences)))
    return 1 if offences or not count else 0


if __name__ == "__main__":
    sys.exit(main())
