#!/usr/bin/env python3
"""check: hold the files of the repository to the rules in rules.py.

  tests/layering/check.py [ROOT]      prints path:line: rule: problem for each; exit status 1 when there is one
"""
import pathlib
import subprocess
import sys

import rules

SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".cache", ".pytest_cache"}


def list_files(root):
    """Tracked files and new ones that are not ignored; in a tree without git, everything but build output."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return sorted(name for name in names if name and (root / name).is_file())
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if not SKIPPED_FOLDERS.intersection(path.parts))


def read_sources(root):
    """The text files under `root`; what is not UTF-8 (a fuzzing corpus, say) is not the rules' business."""
    for name in list_files(root):
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield rules.Source(name, tuple(text.splitlines()))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__ + "/../../..").resolve()
    count = 0
    found = 0
    for source in read_sources(root):
        count += 1
        for line, rule, text in rules.problems_of(source):
            found += 1
            print(f"{source.path}:{line}: {rule}: {text}")
    if count == 0:
        sys.exit(f"check: no files under {root}")
    print(f"layering: {count} files, {found} problems")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
