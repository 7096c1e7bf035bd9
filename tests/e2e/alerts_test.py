"""Alerts and dashboard of deploy/ against a real edge and a real Prometheus: what they ask for is there."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from support.manifests import one, rendered
from support.patience import eventually
from support.prometheus import Prometheus
from support.raw_client import RawClient
from support.test_tools import require

GROUPS = one(rendered("base"), "PrometheusRule", "sandgate")["spec"]["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
DASHBOARD = json.loads(one(rendered("base"), "ConfigMap", "sandgate-dashboard")["data"]["sandgate.json"])
VARIABLES = {"$namespace": "sandgate", "$pod": ".*", "$__rate_interval": "10s"}

SELECTOR = re.compile(r"\b((?:sandgate|process)_\w+|up\b)(\{[^}]*\})?")
PARTS_OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")

DOCUMENT = Path(__file__).parents[2] / "docs/operations.md"


def panels() -> dict:
    """Title and letter of each query of the dashboard to its expression, variables filled."""
    found = {}
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            found[f"{panel['title']} {target['refId']}"] = expression
    return found


EXPRESSIONS = {**{rule["alert"]: rule["expr"] for rule in RULES}, **panels()}


@pytest.fixture(scope="module")
def prometheus(edge, tmp_path_factory):
    require("prometheus", "promtool")
    with Prometheus(tmp_path_factory.mktemp("prometheus"), edge.health_port, GROUPS) as prometheus:
        eventually(lambda: len(prometheus.query("sandgate_build_info[1m]")[:1]) == 1, "a scrape", within=20)
        yield prometheus


def test_there_is_something_to_look_at():
    assert len(RULES) >= 15 and len(panels()) >= 30


def test_promtool_has_nothing_against_the_rules(tmp_path):
    require("promtool")
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": GROUPS}))
    command = ["promtool", "check", "rules", "--lint=all", "--lint-fatal", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_metric_that_is_named_is_on_the_page(edge, name):
    known = {PARTS_OF_HISTOGRAMS.sub("", one) for one in edge.metrics().names()} | {"up"}
    named = {PARTS_OF_HISTOGRAMS.sub("", metric) for metric, _ in SELECTOR.findall(EXPRESSIONS[name])}
    assert named and named <= known, named - known


def test_every_expression_can_be_evaluated(prometheus):
    for name, expression in EXPRESSIONS.items():
        assert isinstance(prometheus.query(expression), list), name


def test_every_selector_finds_something(edge, prometheus):
    """A label or a value that does not exist would make an alert that can never fire."""
    with RawClient(edge.tls_port) as client:  # what is no TLS, so that a handshake fails
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        client.read_until_gone()
    selectors = {"".join(found) for expression in EXPRESSIONS.values() for found in SELECTOR.findall(expression)}
    for selector in sorted(selectors):
        eventually(lambda: prometheus.query(f"count({selector})"), f"something for {selector}", within=10)


def test_prometheus_takes_the_rules_and_finds_nothing_wrong_with_an_edge_that_is_well(prometheus):
    def healths():
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else None

    rules = eventually(healths, "every rule to be evaluated", within=20)
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}
    assert len(rules) == len(RULES)
    critical = {rule["alert"] for rule in RULES if rule["labels"]["severity"] == "critical"}
    assert not critical & prometheus.alerts_firing()


def test_a_configuration_that_is_refused_fires_its_alert(edge, prometheus):
    eventually(lambda: prometheus.query("sandgate_config_reloads_total"), "a scrape before")
    good = edge.config_path.read_text()
    edge.config_path.write_text("nonsense: true\n")
    edge.reload()
    fires = lambda: "SandgateConfigReloadFailed" in prometheus.alerts_firing()  # noqa: E731
    try:
        eventually(fires, "the alert", within=20)
    finally:
        edge.config_path.write_text(good)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_names_its_remedy_and_has_a_page(rule):
    annotations = rule["annotations"]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert annotations["summary"] and len(annotations["remedy"]) > 40
    assert annotations["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    assert f"### {rule['alert']}\n" in DOCUMENT.read_text()
