"""The printed functions and an application at the same moment, both orders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.recovery.chats import ACTS
from tests.support.recovery.gates import Gated
from tests.support.recovery.scenarios.races import LONGEST


@pytest.fixture
def gated(database: EmbeddedDatabase, tmp_path: Path) -> Iterator[Gated]:
    own = Gated(database, tmp_path, by_functions=True)
    own.chats.add(1)
    yield own
    own.chats.close()


@pytest.mark.quick("ends without", "is kept")
@pytest.mark.parametrize("act", [*ACTS, "is kept", "has no end", "is hidden"])
def test_what_comes_before_the_lock_is_seen_by_the_statement_after_it(
    gated: Gated, act: str
) -> None:
    acts = ACTS | {
        "is kept": "INSERT INTO public.kept VALUES (1)",
        "has no end": "INSERT INTO public.endless VALUES (1)",
        "is hidden": "INSERT INTO public.hidden VALUES (1)",
    }
    gated.close("lock")
    with gated.recover() as process:
        gated.wait_at_gate(process)
        gated.chats.do(acts[act])
        left = gated.chats.row()
        gated.open()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "0 were closed" in output
    assert gated.chats.row() == left
    assert gated.chats.audit == []


@pytest.mark.quick("shows life")
@pytest.mark.parametrize("act", ["ends", "shows life"])
def test_who_works_on_a_row_keeps_it(gated: Gated, act: str) -> None:
    with gated.chats.application() as application:
        application.do("BEGIN")
        assert application.do(ACTS[act]) == 1
        with gated.recover() as process:
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        assert "0 were closed" in output
        application.do("COMMIT")
    row = gated.chats.row()
    assert row is not None
    assert row["ended_by"] != "recovery"
    assert gated.chats.audit == []


@pytest.mark.quick("shows life", "is deleted")
@pytest.mark.parametrize(("act", "writes"), [("ends", 0), ("shows life", 0), ("is deleted", 1)])
def test_who_comes_later_waits_and_finds_it_closed(gated: Gated, act: str, writes: int) -> None:
    gated.close("write")
    with gated.recover() as process, gated.chats.application() as application:
        gated.wait_at_gate(process)
        call = application.begin(ACTS[act])
        application.waits(call)
        gated.open()
        assert call.result(LONGEST) == writes
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert gated.chats.audited == [1]


def test_a_message_that_is_being_sent_waits_for_the_session_to_be_closed(gated: Gated) -> None:
    gated.close("write")
    with gated.recover() as process, gated.chats.application() as application:
        gated.wait_at_gate(process)
        call = application.begin(ACTS["sends a message"])
        application.waits(call)
        gated.open()
        assert call.result(LONGEST) == 1
        process.communicate(timeout=60)
    assert gated.chats.audited == [1]
