"""kube_tools: kube-apiserver, kubectl and helm, built by Go from the versions in tests/e2e/kubernetes/apiserver.

Building them takes minutes of both cores, so tests only use what is there: `tests/e2e/kubernetes/build` makes it, once,
in build/test-tools. Where it was not, or etcd is not installed, the tests that need it are skipped and say so.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.patience import seconds
from support.test_tools import folder_of, made_once

_SOURCES = [Path(__file__).parents[1] / "e2e/kubernetes/apiserver" / name for name in ("go.mod", "go.sum", "tools.go")]
_PROGRAMS = ("k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kubectl", "helm.sh/helm/v3/cmd/helm")


def _build(folder: Path) -> None:
    for source in _SOURCES:
        shutil.copy(source, folder)
    for program in _PROGRAMS:
        subprocess.run(
            ["nice", "go", "build", "-ldflags", "-s -w", "-o", ".", program],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=seconds(3600),
        )


def build_kube_tools() -> Path:
    """The folder of the programs, made now if it has to be."""
    return made_once("kubernetes", _SOURCES, _build)


def kube_tool(name: str) -> Path:
    """The program, or a skip of the calling test."""
    folder = folder_of("kubernetes", _SOURCES)
    if not folder.exists():
        pytest.skip(f"{name} is not built: tests/e2e/kubernetes/build makes it")
    return folder / name
