"""What the status page says of recovery: why nothing is closed, and which command shows more."""

from typing import Any

import pytest

from exporter.daemon.status_page import status_page
from exporter.recovery.status import RecoveryStatus

MORE = "`session-exporter resume chat` shows more"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ({"brakes": None}, "not yet"),
        ({}, "no brake"),
        ({"brakes": frozenset({"silent"})}, "brake silent"),
        ({"brakes": frozenset({"grace", "clock"})}, "brake clock, grace"),
        (
            {"brakes": frozenset({"share"}), "held": 20},
            f"brake share; 20 sessions are held; {MORE}",
        ),
        ({"held": 1}, f"1 session is held; {MORE}"),
        ({"brakes": frozenset({"returned"})}, f"brake returned; {MORE}"),
        ({"paused": True}, f"paused; {MORE}"),
        ({"held": 20, "expires_at": 9.0}, "too long ago; the log says why"),
    ],
)
def test_the_row_of_recovery_says_what_keeps_it_from_closing(
    status: dict[str, Any], outcome: str
) -> None:
    known: dict[str, Any] = {
        "brakes": frozenset[str](),
        "paused": False,
        "held": 0,
        "expires_at": 11.0,
    }
    page = status_page({}, {("app", "chat"): RecoveryStatus(**(known | status))}, now=10.0)
    row = f"<td>chat</td><td>app</td><td>recovery</td><td>{outcome}</td>"
    assert row in page
