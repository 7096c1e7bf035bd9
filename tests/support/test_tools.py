"""test_tools: programs the tests fetch for themselves, kept under build/test-tools so that later runs need no network.

A folder is named for the hash of what it is made from (a lock file, say), so a change of that makes another. Where a tool
cannot be had the test is skipped by name, with what was missing.
"""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Callable

import pytest

_FOLDER = Path(__file__).parents[2] / "build/test-tools"


def require(*programs: str) -> None:
    """Skips the calling test where one of them is not on PATH."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def folder_of(name: str, sources: list) -> Path:
    """Where `made_once` has it, whether it is there or not."""
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    return _FOLDER / f"{name}-{digest[:12]}"


def made_once(name: str, sources: list, make: Callable[[Path], None]) -> Path:
    """The folder `make` fills from `sources` (files), made by the first of the test processes that asks."""
    folder = folder_of(name, sources)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with open(_FOLDER / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                make(unfinished)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                said = (error.stderr or b"no answer in time").decode(errors="replace").splitlines()
                pytest.skip(f"{name} cannot be had here: {'; '.join(said[:3])[:300]}")
            unfinished.rename(folder)
    return folder
