"""An end that the application has written stays, though the session is still active."""

from pathlib import Path

import pytest

from tests.support.collection.declarations import source_of
from tests.support.recovery.chats import SOURCE
from tests.support.recovery.recoveries import Recoveries

HALF_ENDED = (
    "UPDATE public.chats SET ended_at = now() - interval '50 minutes', ended_by = 'application'"
)


@pytest.mark.parametrize("value", ["{end}", "now()"])
def test_an_end_that_the_application_has_written_stays(
    recoveries: Recoveries, tmp_path: Path, value: str
) -> None:
    chats = recoveries.chats
    chats.add(1, 2)
    chats.do("ALTER TABLE public.chats ADD duration interval")
    chats.do(f"{HALF_ENDED} WHERE id = 1")
    before = chats.row() or {}
    source = SOURCE.replace("        {end}\n", f"        {value}\n").replace(
        "    end_at:", "      duration: |\n        {end} - s.started_at\n    end_at:"
    )
    with recoveries.on(source_of(tmp_path, source)).recovery() as recovery:
        assert len(recovery.finish().recovered) == 2
    after = chats.row() or {}
    assert not after["is_active"]
    assert after["ended_at"] == before["ended_at"]
    assert after["duration"] == before["ended_at"] - before["started_at"]


def test_an_end_that_is_to_come_is_a_plan(recoveries: Recoveries) -> None:
    chats = recoveries.chats
    chats.add(1)
    chats.do("UPDATE public.chats SET ended_at = now() + interval '1 day'")
    with recoveries.recovery() as recovery:
        recovery.finish()
    row = chats.row() or {}
    assert row["ended_at"] == row["last_seen_at"]
