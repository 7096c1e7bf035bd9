"""A browser over HTTP/2: a page, and a WebSocket that is a stream of the same connection (RFC 8441)."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from support.browser import CHROMIUM, OpenBrowser
from support.patience import eventually
from support.socket_service import SocketService

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

# Says what it saw by asking for /result?...
PAGE = """<!doctype html><title>sockets</title><link rel="icon" href="data:,"><script>
const seen = {page: performance.getEntriesByType("navigation")[0].nextHopProtocol, messages: []};
const socket = new WebSocket(`wss://${location.host}/socket`);
socket.binaryType = "arraybuffer";
const binary = new Uint8Array(100000).map((_, i) => i % 251);
socket.onopen = () => { socket.send("text \\u2713"); socket.send(binary); socket.send("close"); };
socket.onmessage = ({data}) => seen.messages.push(
  typeof data === "string" ? data : {bytes: data.byteLength, same: new Uint8Array(data).every((byte, i) => byte === binary[i])});
socket.onerror = () => { seen.error = true; };
socket.onclose = ({code, reason, wasClean}) => {
  Object.assign(seen, {code, reason, wasClean});
  fetch("/result?seen=" + encodeURIComponent(JSON.stringify(seen)));
};
</script>"""


@pytest.fixture
def service(edge):
    with SocketService(PAGE.encode()) as service:
        edge.put("page", {"address": "127.0.0.1"})
        service.host = f"{service.port}-page.sandbox.test"
        yield service


def result_of(service):
    """What the page has to say; None while it has not."""
    results = [path for path in service.asked if path.startswith("/result")]
    return results and json.loads(parse_qs(urlsplit(results[0]).query)["seen"][0])


def test_a_websocket_is_a_stream_of_the_connection_its_page_came_on(edge, service, tmp_path):
    url = f"https://{service.host}:{edge.tls_port}/"
    with OpenBrowser(tmp_path / "profile", url, "--ignore-certificate-errors"):
        seen = eventually(lambda: result_of(service), "the page to say what it saw", within=60)
        ((path, fields),) = service.seen
    assert seen["page"] == "h2"
    assert seen["messages"] == ["text ✓", {"bytes": 100000, "same": True}]
    assert (seen["code"], seen["reason"], seen["wasClean"]) == (4321, "as you wish", True)
    assert "error" not in seen
    assert path == "/socket" and fields["origin"] == f"https://{service.host}:{edge.tls_port}"
    assert edge.log_line(path="/socket")["protocol"] == "HTTP/2"
