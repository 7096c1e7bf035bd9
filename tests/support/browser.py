"""browser: Chromium without a window, with a profile of its own, for which every name is this machine."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from support.patience import seconds

CHROMIUM = shutil.which("chromium")


def command(profile: Path, url: str, *arguments: str) -> list:
    return [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-proxy-server",
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * 127.0.0.1",
        *arguments,
        url,
    ]


def visit(profile: Path, url: str, *arguments: str) -> subprocess.CompletedProcess:
    """Opens the page and ends."""
    return subprocess.run(command(profile, url, *arguments), capture_output=True, timeout=seconds(60))


class OpenBrowser:
    """A browser that stays on the page until the block ends; with its children in a process group of its own."""

    def __init__(self, profile: Path, url: str, *arguments: str):
        self._command = command(profile, url, *arguments)

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        return self

    def __exit__(self, *_):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
