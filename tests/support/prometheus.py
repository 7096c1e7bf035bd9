"""prometheus: a Prometheus of a test's own that scrapes an edge every second, with labels as on Kubernetes.

with Prometheus(folder, edge.health_port, groups) as prometheus:
    prometheus.query("up")
"""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from support.patience import eventually, seconds
from support.ports import free_port

LABELS = {"namespace": "sandgate", "pod": "sandgate-0"}


class Prometheus:
    def __init__(self, folder: Path, target_port: int, groups: list):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        rules, config = self.folder / "rules.yaml", self.folder / "prometheus.yaml"
        rules.write_text(yaml.safe_dump({"groups": groups}))
        scrape = {
            "job_name": "sandgate-metrics",
            "static_configs": [{"targets": [f"127.0.0.1:{target_port}"], "labels": LABELS}],
        }
        timing = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config.write_text(yaml.safe_dump({"global": timing, "rule_files": [str(rules)], "scrape_configs": [scrape]}))
        self._command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'data'}"]

    def __enter__(self):
        with open(self.folder / "prometheus.log", "ab") as log:
            self._process = subprocess.Popen(
                [*self._command, f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log
            )
        try:
            eventually(self._is_ready, "Prometheus to be ready", within=20)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def ask(self, path: str, **parameters):
        """The `data` of an answer of its API; AssertionError with its words when it is an error."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=seconds(10)) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression: str) -> list:
        """The samples of an instant vector: [{"metric": labels, "value": [time, text]}]."""
        return self.ask("query", query=expression)["result"]

    def alerts_firing(self) -> set:
        """Names of those that hold for as long as they must; the others are pending."""
        alerts = self.ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def _is_ready(self) -> bool:
        log = (self.folder / "prometheus.log").read_text()
        assert self._process.poll() is None, log[-2000:]
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5).status == 200
        except OSError:
            return False
