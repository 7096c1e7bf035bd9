"""promtool has nothing to say about the metrics page."""

import subprocess

import requests


def test_promtool_accepts_the_page(edge, web):
    for path in ("/", "/bytes/512"):
        requests.get(f"http://127.0.0.1:{edge.plain_port}{path}", headers={"Host": web.host})
    requests.get(f"http://127.0.0.1:{edge.plain_port}/", headers={"Host": "nonsense"})
    done = subprocess.run(["promtool", "check", "metrics"], input=edge.metrics().text.encode(), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_page_says_what_it_is(edge):
    content_type = edge.health.get("/metrics").headers["content-type"]
    assert content_type.startswith("text/plain; version=0.0.4") or content_type.startswith(
        "application/openmetrics-text"
    )
