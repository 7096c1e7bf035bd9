#!/usr/bin/env python3
"""security_table: the tests that docs/security.md names exist.

A test of pytest is named as `limits_test::test_x`, one of Catch2 by the beginning of its name, `"drain: announce"`, and a
file by its path from the root. An item that names nothing must say why, or that it is open.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/security.md"


def names_in(folder, pattern, expression):
    return [
        (path.stem, name)
        for path in sorted((ROOT / folder).rglob(pattern))
        for name in re.findall(expression, path.read_text(), re.MULTILINE)
    ]


def problems_of(page):
    of_pytest = {f"{module}::{name}" for module, name in names_in("tests", "*_test.py", r"^def (test_\w+)")}
    of_catch = [name for _, name in names_in("tests/unit", "*.cpp", r'TEST_CASE\(\s*"((?:[^"\\]|\\.)*)"')]
    checklist = page.partition("## The checklist")[2]
    for line in checklist.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if line.startswith("| ") and not cells[-1]:
            yield f"nothing is said of {cells[0]}"
        for name in re.findall(r"`(\w+_test::\w+)`", line):
            if name not in of_pytest:
                yield f"{name} is no test"
        for name in re.findall(r'`"([^`]+)"`', line):
            if not any(one.startswith(name) for one in of_catch):
                yield f'"{name}" is no test'
        for path in re.findall(r"`(tests/[\w/.]+)`", line):
            if not (ROOT / path).exists():
                yield f"{path} is not there"


def main():
    problems = list(problems_of(PAGE.read_text()))
    if problems:
        sys.exit("\n".join(f"security_table: {PAGE.name}: {problem}" for problem in problems))


if __name__ == "__main__":
    main()
