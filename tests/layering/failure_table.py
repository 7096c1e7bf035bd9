#!/usr/bin/env python3
"""failure_table: the failure table of proxy/base/failure.cpp, as docs/architecture.md shows it.

  tests/layering/failure_table.py            fails when the page's table is not the code's
  tests/layering/failure_table.py --write    writes it into the page
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CODE = ROOT / "proxy/base/failure.cpp"
ENUM = ROOT / "proxy/base/failure.hpp"
PAGE = ROOT / "docs/architecture.md"
BEGIN = "<!-- failure table: written by tests/layering/failure_table.py -->"
END = "<!-- end of failure table -->"

TEXT = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
ROW = re.compile(r"\{F::(\w+),\s*\"(\w+)\",\s*B::(\w+),\s*(\d+),\s*(\d+),\s*(true|false),\s*R::(\w+),\s*" + TEXT)
BODIES = {
    "none": "none", "text": "text", "json": "JSON", "json_sandbox": "JSON", "json_port": "JSON", "json_limit": "JSON",
    "json_sandbox_limit": "JSON", "json_path": "JSON",
}


def enumerators(header):
    body = re.search(r"enum class Failure[^{]*\{(.*?)\};", header, re.DOTALL)[1]
    return re.findall(r"\w+", re.sub(r"//.*", "", body))


def render(code, header):
    rows = ROW.findall(code)
    if [row[0] for row in rows] != enumerators(header):
        sys.exit("failure_table: the rows of failure.cpp could not all be read; mend the pattern")
    lines = ["| reason | blame | status | answer | Retry-After | closes | message |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for _, label, blame, status, retry_after, closes, body, texts in rows:
        message = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', texts))
        cells = (f"`{label}`", blame, "" if status == "0" else status, BODIES[body],
                 "" if retry_after == "0" else f"{retry_after} s", "yes" if closes == "true" else "", message)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    table = render(CODE.read_text(), ENUM.read_text())
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        sys.exit(f"failure_table: {PAGE.name} has lost the table's marks")
    written = f"{before}{BEGIN}\n{table}\n{END}{after}"
    if written == page:
        return
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(written)
    else:
        sys.exit(f"failure_table: {PAGE.name} is not what failure.cpp says; run failure_table.py --write")


if __name__ == "__main__":
    main()
