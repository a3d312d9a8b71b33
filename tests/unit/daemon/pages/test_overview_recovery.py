"""Recovery in words: its mode, brakes, stops and pauses, with and without details."""

from collections.abc import Callable
from typing import Any

import pytest

from exporter.config import Source
from exporter.daemon.pages.overview.recovery import Viewer, recovery_overview
from exporter.recovery.status import Pause, RecoveryStatus
from tests.support.collection.declarations import source_of

CHAT = """\
chat:
  table: public.chat
  active: is_open
  started_at: started
  last_seen_at: seen
  id: id
  orphaned_after: 2h
  recovery: {mode: auto, set: {is_open: false}}
"""
KNOWN: dict[str, Any] = {"brakes": frozenset[str](), "paused": False, "held": 0, "expires_at": 9.0}
SHARE: dict[str, Any] = {
    "brakes": frozenset({"share"}),
    "why": {"share": "share: stopped since then, because 6 of anna's fell silent"},
    "braked_since": {"share": 60.0},
    "held": 6,
}
PAUSE: dict[str, Any] = {"paused": True, "pause": Pause(60.0, "anna", "a deploy")}


@pytest.fixture
def chat(tmp_path: Any) -> Callable[..., Source]:
    return lambda mode="auto": source_of(tmp_path, CHAT.replace("auto", mode))


@pytest.mark.parametrize(
    ("status", "details", "words"),
    [
        ({}, True, []),
        ({"brakes": None}, True, ["It has not run yet."]),
        (
            {"brakes": None, "reason": "connect"},
            True,
            ["It has not succeeded yet.", "Its last run failed (connect)."],
        ),
        ({"expires_at": 7.0, "held": 6}, True, ["Its last successful run was too long ago."]),
        (
            PAUSE,
            True,
            ["Paused since 1970-01-01 00:01:00Z by anna: a deploy."],
        ),
        (
            {**PAUSE, "pause": Pause(60.0, "anna", "who knows?")},
            True,
            ["Paused since 1970-01-01 00:01:00Z by anna: who knows?"],
        ),
        (PAUSE, False, ["Paused since 1970-01-01 00:01:00Z."]),
        (
            SHARE,
            True,
            [
                "Stopped since 1970-01-01 00:01:00Z by share: 6 of anna's fell silent.",
                "6 sessions are held.",
            ],
        ),
        (SHARE, False, ["Stopped since 1970-01-01 00:01:00Z by share.", "6 sessions are held."]),
        ({"brakes": frozenset({"grace"})}, False, ["Braked by grace."]),
    ],
)
def test_the_words_say_what_keeps_it_from_closing(
    chat: Callable[..., Source], status: dict[str, Any], details: bool, words: list[str]
) -> None:
    found = recovery_overview(chat(), RecoveryStatus(**(KNOWN | status)), 8.0, Viewer(details, ""))
    assert list(found.words) == ["Automatic recovery is on.", *words]
    assert details or "anna" not in repr(found)


@pytest.mark.parametrize(
    ("status", "commands"),
    [
        ({}, ["recover", "runs"]),
        (SHARE, ["resume", "recover", "runs"]),
        (PAUSE, ["resume", "recover", "runs"]),
        ({"brakes": frozenset({"returned"})}, ["resume", "recover", "runs"]),
        ({"brakes": frozenset({"silent"})}, ["recover", "runs"]),
        ({**SHARE, "expires_at": 7.0}, ["recover", "runs"]),
    ],
)
def test_the_commands_are_those_that_go_on(
    chat: Callable[..., Source], status: dict[str, Any], commands: list[str]
) -> None:
    viewer = Viewer(True, "kubectl exec x --")
    found = recovery_overview(chat(), RecoveryStatus(**(KNOWN | status)), 8.0, viewer)
    start = "kubectl exec x -- session-exporter"
    assert [each.text for each in found.commands] == [f"{start} {each} chat" for each in commands]


def test_what_is_disabled_shows_no_brake(chat: Callable[..., Source]) -> None:
    status = RecoveryStatus(**(KNOWN | SHARE | PAUSE))
    found = recovery_overview(chat("disabled"), status, 8.0, Viewer(True, ""))
    assert found.words == ("Automatic recovery is disabled.",)
    assert (found.brakes, found.pause, found.held) == ((), None, None)
