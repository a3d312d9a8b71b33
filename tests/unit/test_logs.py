"""One line per event."""

import asyncio
import json
import logging
import re

import pytest

from exporter import logs


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "event=tried"),
        ({"reason": "lock"}, "event=tried reason=lock"),
        ({"source": "chats", "nothing": None}, "event=tried source=chats"),
        ({"error": "two words"}, 'event=tried error="two words"'),
        ({"error": 'a "quoted" = sign'}, r'event=tried error="a \"quoted\" = sign"'),
        ({"error": "line\nfeed event=forged"}, r'event=tried error="line\nfeed event=forged"'),
        ({"error": "\x1b[2J"}, r'event=tried error="\u001b[2J"'),
        ({"error": "\u202e"}, r'event=tried error="\u202e"'),
        ({"empty": ""}, 'event=tried empty=""'),
        ({"seconds": 1.23456}, "event=tried seconds=1.235"),
        ({"error": "a" * 2000}, f"event=tried error={'a' * 2000}"),
        (
            {"error": "a" * 94_000},
            rf'event=tried error="{"a" * 2000}\u2026 and 92000 more characters"',
        ),
    ],
)
def test_an_event_is_one_line_of_pairs(
    fields: dict[str, object], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.start()
    logs.info("tried", **fields)
    (written,) = capsys.readouterr().err.splitlines()
    assert written.startswith("time=")
    assert written.endswith(f" level=INFO {line}")


def test_levels_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start()
    logs.warning("failed")
    logs.bug("broke", ValueError("because"))
    warning, error, *traceback = capsys.readouterr().err.splitlines()
    assert warning.endswith(" level=WARNING event=failed")
    assert error.endswith(" level=ERROR event=broke")
    assert traceback[-1] == "ValueError: because"


def test_libraries_do_not_log_what_is_reported_already(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start()
    for library in ("apscheduler.executors.default", "psycopg.pool", "uvicorn.error", "asyncio"):
        logging.getLogger(library).error("again")
    assert capsys.readouterr().err == ""


def test_json_is_one_object_per_line_and_holds_the_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.start(format_=logs.LogFormat.JSON)
    logs.info("tried", source="chats", seconds=1.5, nothing=None, error="line\nfeed")
    logs.bug("broke", ValueError("because"))
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    time = first.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert first == {
        "level": "INFO",
        "event": "tried",
        "source": "chats",
        "seconds": 1.5,
        "error": "line\nfeed",
    }
    assert second["traceback"].endswith("ValueError: because")


async def test_what_flaps_on_and_on_is_logged_once_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LONGEST_UNLOGGED", 0.05)
    logged: list[tuple[str, object]] = []
    state = logs.StateLog()

    def log(event: str, **fields: object) -> None:
        logged.append((event, fields.get("changes")))

    for _ in range(2):
        state.change(log, "down")
        state.change(log, "up")
    assert logged == [("down", None), ("up", None)]
    await asyncio.sleep(0.06)
    state.change(log, "down")
    assert logged[2:] == [("down", 3)]


async def test_a_state_that_has_held_is_logged_with_its_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "HELD_SECONDS", 0.0)
    logged: list[tuple[str, object]] = []
    state = logs.StateLog()

    def log(event: str, **fields: object) -> None:
        logged.append((event, fields.get("changes")))

    for event in ("down", "up", "down", "up", "down"):
        state.change(log, event)
    await asyncio.sleep(0.05)
    assert logged == [("down", None), ("up", None), ("down", 3)]
    state.change(log, "up")
    assert logged[3:] == [("up", None)]
