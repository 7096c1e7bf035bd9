#!/usr/bin/env python3
"""instructions_test: one exchange in memory may not cost more instructions than instructions.json says, plus 5 %.

    tests/bench/instructions_test.py BINARY            exit 0, 1 (more), 77 (skipped: no valgrind)
    tests/bench/instructions_test.py BINARY --write    keeps what was counted

BINARY is bench_exchange_count of a release build. Callgrind counts the same on every machine with the same compiler and
libraries; where a change is worth its price, the file is written anew in the same commit.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_KEPT = Path(__file__).with_name("instructions.json")
_ALLOWED = 1.05
_SKIPPED = 77
_FEW, _MANY = 200, 1200


def count_instructions(binary: str, exchanges: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        output = f"--callgrind-out-file={folder}/callgrind.out"
        command = ["valgrind", "--tool=callgrind", output, binary, str(exchanges)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: {result.returncode}\n{result.stderr}")
    return int(re.search(r"Collected : (\d+)", result.stderr)[1])


def main() -> int:
    binary = sys.argv[1]
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is not installed (scripts/install-packages bench)")
        return _SKIPPED
    counted = (count_instructions(binary, _MANY) - count_instructions(binary, _FEW)) // (_MANY - _FEW)
    if "--write" in sys.argv:
        _KEPT.write_text(json.dumps({"exchange": counted}, indent=2) + "\n")
    kept = json.loads(_KEPT.read_text())["exchange"]
    print(f"one exchange: {counted} instructions, {counted / kept:.3f} of the {kept} in {_KEPT.name}")
    if counted <= kept * _ALLOWED:
        return 0
    print(f"more than {_ALLOWED:g} of them: find what costs, or write the file anew with --write and say why")
    return 1


if __name__ == "__main__":
    sys.exit(main())
