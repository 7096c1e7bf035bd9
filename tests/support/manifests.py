"""manifests: the documents of deploy/, as kustomize and Helm make them, and as the script makes them that writes both."""

import importlib.machinery
import importlib.util
import json
import subprocess
from pathlib import Path

import yaml

from support.kube_tools import kube_tool
from support.patience import seconds

DEPLOY = Path(__file__).parents[2] / "deploy"


def _load_make_manifests():
    path = DEPLOY.parent / "scripts/make-manifests"
    loader = importlib.machinery.SourceFileLoader("make_manifests", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("make_manifests", loader))
    loader.exec_module(module)
    return module


make_manifests = _load_make_manifests()
VARIANTS = ("base", *make_manifests.VARIANTS)


def kustomized(variant: str) -> list:
    """Every document of deploy/kubernetes/<variant>, by `kubectl kustomize`."""
    done = subprocess.run(
        [kube_tool("kubectl"), "kustomize", DEPLOY / "kubernetes" / variant],
        capture_output=True,
        text=True,
        timeout=seconds(60),
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def templated(variant: str, sets: dict = None) -> list:
    """The same, by `helm template`."""
    changes = make_manifests.VARIANTS.get(variant, {}) if sets is None else sets
    values = json.dumps(make_manifests.with_changes({}, changes))
    chart = [DEPLOY / "helm/sandgate", "--namespace", "sandgate", "--kube-version", "1.34.0", "--values", "-"]
    done = subprocess.run(
        [kube_tool("helm"), "template", "sandgate", *chart],
        input=values,
        capture_output=True,
        text=True,
        timeout=seconds(60),
    )
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def rendered(variant: str, changes: dict = {}) -> list:
    """The same, by the script that writes both: for tests that are about what the documents say."""
    values = yaml.safe_load((DEPLOY / "source/values.yaml").read_text())
    values = make_manifests.with_changes(values, {**make_manifests.VARIANTS.get(variant, {}), **changes})
    files = make_manifests.documents_of(make_manifests.read_templates(), values)
    return [yaml.safe_load(text) for documents in files.values() for text in documents]


def by_key(documents: list) -> dict:
    return {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]): one for one in documents}


def one(documents: list, kind: str, name: str) -> dict:
    [found] = [one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found
