"""The HTML pages as a browser draws them, in light and dark; kept under build/screenshots for people to look at."""

import re
from pathlib import Path

import pytest

from support.browser import CHROMIUM, visit
from support.ports import free_port

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

# Blink's numbers for prefers-color-scheme.
SCHEMES = {"dark": 0, "light": 1}


@pytest.fixture(scope="module")
def addresses(edge):
    """The page each reason is drawn from."""
    edge.put("shop", {"address": "127.0.0.1"})
    edge.put("private", {"address": "127.0.0.1", "allow_public_traffic": False, "traffic_access_token": "t"})
    edge.put("full", {"address": "127.0.0.1", "max_connections": 0})
    edge.put("far", {"address": "10.9.9.9"})
    return {
        "sandbox_not_found": "8080-gone.sandbox.test",
        "port_closed": f"{free_port()}-shop.sandbox.test",
        "sandbox_unreachable": "8080-far.sandbox.test",
        "token_missing": "8080-private.sandbox.test",
        "too_many_connections": "8080-full.sandbox.test",
        "agent_route_reserved": "49983-shop.sandbox.test",
    }


@pytest.mark.parametrize(
    "reason",
    [
        "sandbox_not_found",
        "port_closed",
        "sandbox_unreachable",
        "token_missing",
        "too_many_connections",
        "agent_route_reserved",
    ],
)
def test_a_page_is_drawn_in_light_and_in_dark(edge, addresses, tmp_path, reason):
    path = "/init" if reason == "agent_route_reserved" else "/"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    images = []
    for scheme, number in SCHEMES.items():
        image = SCREENSHOTS / f"{reason}-{scheme}.png"
        image.unlink(missing_ok=True)
        done = visit(
            tmp_path / "profile",
            f"http://{addresses[reason]}:{edge.plain_port}{path}",
            "--window-size=900,600",
            f"--screenshot={image}",
            f"--blink-settings=preferredColorScheme={number}",
        )
        assert image.exists(), done.stderr.decode()[-2000:]
        images.append(image.read_bytes())
    assert all(image.startswith(b"\x89PNG") for image in images)
    assert images[0] != images[1], "dark looks like light"


def test_the_browser_has_nothing_to_complain_about(edge, addresses, tmp_path):
    """The page's own styles must pass its own Content-Security-Policy."""
    done = visit(
        tmp_path / "profile",
        f"http://{addresses['sandbox_not_found']}:{edge.plain_port}/",
        "--dump-dom",
        "--enable-logging=stderr",
        "--v=0",
    )
    assert b"<html" in done.stdout
    assert not re.search(rb"CONSOLE.*(Content Security Policy|Refused)", done.stderr), done.stderr.decode()[-2000:]


def test_a_page_fits_a_telephone(edge, addresses, tmp_path):
    image = SCREENSHOTS / "port_closed-narrow.png"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    visit(
        tmp_path / "profile",
        f"http://{addresses['port_closed']}:{edge.plain_port}/",
        "--window-size=500,800",
        f"--screenshot={image}",
    )
    assert image.read_bytes().startswith(b"\x89PNG")
