"""The hardening checklist: every row of its sections 1.1 to 1.4 and 1.6, and every class of its section 4, has a test.

A row is named where it is tested, in a docstring or in the name of a case. A class of known vulnerabilities is said here
with the tests that would show it: the file, and what in it.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
HERE = Path(__file__).name

ROWS = (
    *("H1-TERM", "H1-LINE", "H1-FORM", "H1-NAME", "H1-HOST", "H1-CL", "H1-TE", "H1-CHUNK", "H1-ERR", "H1-BODY"),
    *("H1-100", "H1-PIPE", "H1-CLOSE", "H1-UTF", "H1-UNDERSCORE"),
    *("R-FRAME", "R-NOBODY", "R-EXTRA", "R-TRUNC", "R-1XX", "R-BOMB", "R-HBH", "R-INERT", "R-COOKIE", "R-CLOSEDELIM"),
    *("H2-CONF", "H2-DOWN", "H2-AUTH", "H2-COOKIE", "H2-RESET", "H2-CONT", "H2-FLOOD", "H2-FC", "H2-SET", "H2-DRAIN"),
    *("H2-UPG", "hardening 1.4", "hardening 1.6"),
)
REQUESTS = "integration/request_anomalies_test.py"
RESPONSES = "integration/response_anomalies_test.py"
DOWNGRADE = "integration/h2_downgrade_test.py"
ABUSE = "integration/h2_abuse_test.py"
BLOCKS = "integration/h2_field_blocks_test.py"
CLASSES = {
    "CL.TE, TE.CL, TE.TE": [(REQUESTS, '"and a length"'), (REQUESTS, '"twice, one unknown"')],
    "TE.0, 0.CL, CL.0": [(REQUESTS, '"and a length of 0"'), (REQUESTS, "a body that is a request")],
    "CVE-2023-40225 empty or repeated length": [(REQUESTS, '"twice, one empty"'), (REQUESTS, 'b",5", b""')],
    "CVE-2023-25725 empty field name": [(REQUESTS, '"no name"'), (DOWNGRADE, '"name-empty"')],
    "CVE-2021-40346 overflow of a length or a chunk": [
        (REQUESTS, '"a size of 2^64"'),
        (REQUESTS, "18446744073709551616"),
    ],
    "chunk extensions (RFC erratum 7633)": [(REQUESTS, '"LF in an extension"'), (REQUESTS, '"data and more"')],
    "CVE-2025-32094 folding, Expect, OPTIONS": [(REQUESTS, '"a folded expectation"'), (REQUESTS, '"a folded coding"')],
    "CVE-2026-26365 Connection names framing": [
        ("integration/request_forwarding_test.py", "test_the_connection_field_cannot_remove_the_edges_own")
    ],
    "CVE-2026-2833 upgrade before a 101": [
        (
            "integration/upgrade_test.py",
            "test_early_bytes_after_a_refused_upgrade_are_a_request_of_their_own_or_nothing",
        ),
        (RESPONSES, '"a 101 nobody asked for"'),
    ],
    "CVE-2026-2835 coding in HTTP/1.0": [(REQUESTS, '"in HTTP/1.0"'), (RESPONSES, '"a coding in HTTP/1.0"')],
    "CVE-2025-4366 body that was not drained": [
        ("integration/body_relay_test.py", "test_the_rest_of_a_body_after_an_early_response_is_never_read_as_a_request")
    ],
    "CVE-2024-24791 final answer instead of 100": [
        (
            "integration/body_relay_test.py",
            "test_a_final_answer_instead_of_100_is_passed_on_and_the_body_never_asked_for",
        )
    ],
    "HTTP/2 downgrade": [(DOWNGRADE, '"te-chunked"'), (DOWNGRADE, '"length-twice"'), (DOWNGRADE, '"path-crlf"')],
    "CVE-2023-44487 rapid reset": [(ABUSE, "test_rapid_reset")],
    "CVE-2025-8671 made resets": [(ABUSE, "test_resets_the_edge_is_made_to_send")],
    "CVE-2024-27316, CVE-2024-28182 CONTINUATION": [(BLOCKS, "test_continuations_without_end")],
    "CVE-2019-9511 to 9518 floods": [
        (ABUSE, "test_control_frames_without_end"),
        (ABUSE, "test_data_without_bytes_without_end"),
    ],
    "CVE-2016-6581 HPACK bomb": [(BLOCKS, "test_a_small_block_that_unpacks_to_megabytes")],
    "response splitting, queue poisoning": [
        (RESPONSES, "test_what_follows_a_response_is_nobodys"),
        ("integration/hostile_sandboxes_test.py", "test_what_an_idle_connection_says_is_nobodys"),
    ],
    "PROXY v2 records beyond the header": [
        ("integration/proxy_protocol_test.py", "test_a_trusted_peer_that_sends_no_valid_header_is_closed"),
        ("fuzz/proxy_protocol_fuzz.cpp", "are_records"),
    ],
}


@pytest.fixture(scope="module")
def texts():
    files = [path for path in TESTS.rglob("*_test.py") if path.name != HERE]
    return [path.read_text() for path in files]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_checklist_is_named_by_a_test(texts, row):
    assert any(row in text for text in texts)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_of_known_vulnerabilities_has_its_tests(name):
    for file, what in CLASSES[name]:
        assert what in (TESTS / file).read_text(), f"{file} has no {what}"
