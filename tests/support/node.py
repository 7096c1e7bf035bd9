"""node: runs the scripts of tests/e2e/node, with the packages its lock file names.

Scripts take one argument, JSON, and print JSON lines. `run_script` gives the last line; `NodeServer` keeps a script
running whose first line says which port it serves, and collects the others as `events`.
"""

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

from support.patience import eventually, seconds
from support.test_tools import made_once, require

_SCRIPTS = Path(__file__).parents[1] / "e2e/node"


def _install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_SCRIPTS / name, folder)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=seconds(180),
    )


def require_packages() -> None:
    """Skips where node, npm or the packages cannot be had."""
    require("node", "npm")
    lock = [_SCRIPTS / "package.json", _SCRIPTS / "package-lock.json"]
    os.environ["NODE_PATH"] = str(made_once("node", lock, _install) / "node_modules")


def start_script(name: str, options: dict = None) -> subprocess.Popen:
    return subprocess.Popen(
        ["node", str(_SCRIPTS / name), json.dumps(options or {})],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(script: subprocess.Popen, within: float = 30) -> dict:
    """What the script printed last, once it has ended well."""
    try:
        output, errors = script.communicate(timeout=seconds(within))
    finally:
        script.kill()
    assert script.returncode == 0, errors[-2000:] or f"exit code {script.returncode}"
    return json.loads(output.splitlines()[-1])


def run_script(name: str, options: dict = None, within: float = 30) -> dict:
    return result_of(start_script(name, options), within)


class NodeServer:
    def __init__(self, name: str, options: dict = None):
        self._name, self._options = name, options
        self.events = []

    def __enter__(self):
        self._process = start_script(self._name, self._options)
        first = self._process.stdout.readline()
        assert first, self._process.stderr.read()
        self.port = json.loads(first)["port"]
        threading.Thread(target=self._collect, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def _collect(self):
        for line in self._process.stdout:
            self.events.append(json.loads(line))

    def wait_for(self, **expected) -> dict:
        """The first event with these values, once it is there."""
        return eventually(
            lambda: next((event for event in list(self.events) if expected.items() <= event.items()), None),
            f"an event with {expected} from {self._name}",
            within=8,
        )
