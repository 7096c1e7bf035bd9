"""Each alert of deploy/ fires on what it is for, and none on an edge that is well: by promtool, with made-up series."""

import subprocess

import pytest
import yaml

from support.manifests import one, rendered
from support.test_tools import require

GROUPS = one(rendered("base"), "PrometheusRule", "sandgate")["spec"]["groups"]
RULES = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}

EDGE = 'namespace="sandgate",pod="sandgate-0",job="sandgate-metrics"'
DAY = 86400

#: Two hours of an edge that is well, one value a minute; `0+60x120` begins at 0 and adds 60 each time.
WELL = {
    f"up{{{EDGE}}}": "1x120",
    f'sandgate_build_info{{{EDGE},version="0.1.0"}}': "1x120",
    f'sandgate_exchanges_total{{{EDGE},outcome="ok",blame="none",protocol="http1"}}': "0+6000x120",
    f'sandgate_exchanges_total{{{EDGE},outcome="record_invalid",blame="edge",protocol="http1"}}': "0x120",
    f'sandgate_exchanges_total{{{EDGE},outcome="overloaded",blame="edge",protocol="http1"}}': "0x120",
    f"sandgate_registry_age_seconds{{{EDGE}}}": "0x120",
    f'sandgate_registry_lookups_total{{{EDGE},result="found"}}': "0+6000x120",
    f'sandgate_registry_lookups_total{{{EDGE},result="not_found"}}': "0+60x120",
    f'sandgate_registry_lookups_total{{{EDGE},result="unavailable"}}': "0x120",
    f"sandgate_registry_invalid_records{{{EDGE}}}": "0x120",
    f'sandgate_tls_certificate_expiry_timestamp_seconds{{{EDGE},name="*.sandbox.test"}}': f"{60 * DAY}x120",
    f'sandgate_config_reloads_total{{{EDGE},result="failed"}}': "0x120",
    f"process_open_fds{{{EDGE}}}": "100x120",
    f"process_max_fds{{{EDGE}}}": "1000x120",
    f'sandgate_access_log_dropped_total{{{EDGE},reason="ring_full"}}': "0x120",
    f'sandgate_tls_handshakes_total{{{EDGE},result="ok",version="TLSv1.3",resumed="false"}}': "0+600x120",
    f'sandgate_tls_handshakes_total{{{EDGE},result="failed",version="none",resumed="false"}}': "0+6x120",
    f'sandgate_access_decisions_total{{{EDGE},result="token_invalid"}}': "0+6x120",
    f'sandgate_connect_duration_seconds_bucket{{{EDGE},le="1"}}': "0+600x120",
    f'sandgate_connect_duration_seconds_bucket{{{EDGE},le="2.5"}}': "0+600x120",
    f'sandgate_connect_duration_seconds_bucket{{{EDGE},le="+Inf"}}': "0+600x120",
    f"sandgate_draining{{{EDGE}}}": "0x120",
}

#: What is wrong: a part of a series' name, and how it goes on instead.
WRONG = {
    "SandgateDown": {"build_info": None},
    "SandgateOneEdgeDown": {"up{": "0x120"},
    "SandgateEdgeErrors": {'"record_invalid"': "0+12x120"},
    "SandgateRegistryStale": {"age_seconds": "0+60x120"},
    "SandgateRegistryUnavailable": {'"unavailable"': "0+1x120"},
    "SandgateInvalidRecords": {"invalid_records": "1x120"},
    "SandgateSandboxesNotFound": {'"not_found"': "0+9000x120"},
    "SandgateCertificateEnds": {"expiry": f"{10 * DAY}x120"},
    "SandgateCertificateEndsSoon": {"expiry": f"{2 * DAY}x120"},
    "SandgateConfigReloadFailed": {'"failed"}': "0x110 1x10"},
    "SandgateOverloaded": {'"overloaded"': "0+1x120"},
    "SandgateFilesNearLimit": {"open_fds": "900x120"},
    "SandgateAccessLogDropped": {"dropped": "0+1x120"},
    "SandgateHandshakesFail": {'"failed",version': "0+900x120"},
    "SandgateTokensGuessed": {'"token_invalid"': "0+600x120"},
    "SandgateConnectSlow": {'le="1"': "0+500x120"},
    "SandgateDrainStuck": {"draining": "1x120"},
}


def ask(tmp_path, series: dict, expected: list) -> subprocess.CompletedProcess:
    """Whether these alerts, and no others, fire after two hours."""
    require("promtool")
    rules, test = tmp_path / "rules.yaml", tmp_path / "test.yaml"
    rules.write_text(yaml.safe_dump({"groups": GROUPS}))
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in expected]
    asked = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": "119m",
        "exp_samples": samples,
    }
    given = [{"series": name, "values": values} for name, values in series.items() if values]
    unit = {"interval": "1m", "input_series": given, "promql_expr_test": [asked]}
    test.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [unit]}))
    return subprocess.run(["promtool", "test", "rules", test], capture_output=True, text=True)


def test_none_fires_on_an_edge_that_is_well(tmp_path):
    done = ask(tmp_path, WELL, [])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", RULES)
def test_it_fires_on_what_it_is_for(tmp_path, name):
    series = dict(WELL)
    for part, values in WRONG[name].items():
        [key] = [key for key in series if part in key]
        series[key] = values
    also = ["SandgateCertificateEnds"] if name == "SandgateCertificateEndsSoon" else []
    done = ask(tmp_path, series, [name, *also])
    assert done.returncode == 0, done.stdout + done.stderr
