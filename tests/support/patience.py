"""patience: how long a test waits for a condition, and no sleep that is not such a wait.

Every bound is multiplied by SANDGATE_TEST_SLOWNESS (default 1), so that sanitizer builds and busy machines are
given more time without the tests knowing.
"""

import os
import time

SLOWNESS = float(os.environ.get("SANDGATE_TEST_SLOWNESS", "1"))

_POLL_SECONDS = 0.01


def seconds(bound: float) -> float:
    """A bound in seconds, stretched for slow builds."""
    return bound * SLOWNESS


def eventually(condition, what: str, within: float = 5):
    """Polls until `condition()` is true and returns its value; AssertionError naming `what` after `within` seconds."""
    deadline = time.monotonic() + seconds(within)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds(within):g} s: {what} (last seen: {value!r})")
        time.sleep(_POLL_SECONDS)
