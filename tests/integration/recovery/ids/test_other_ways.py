"""An id of several columns where no person names it: automatic recovery, functions, messages."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.maintenance import AuditMaintenance
from exporter.recovery.plan.returned import find_gone
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.connections import open_writer
from exporter.recovery.webhook.outbox import Outbox
from tests.support.recovery.automatic.runner import Recover, Runner, runners, sessions
from tests.support.servers.statements import execute, rows

#: Rooms number their sessions, each from 1 on.
ROOMS = (
    "ALTER TABLE public.chat ADD room text NOT NULL DEFAULT 'a', DROP CONSTRAINT chat_pkey,"
    " ADD PRIMARY KEY (room, id)"
)
SOURCE = {"id": ["room", "id"]}


def in_rooms(database: EmbeddedDatabase, first: int, count: int) -> None:
    """Orphaned sessions of these numbers in two rooms."""
    sessions(database, first, count)
    execute(
        database,
        "INSERT INTO public.chat (room, id, started, seen) SELECT 'b', id, started, seen"
        f" FROM public.chat WHERE room = 'a' AND id >= {first}",
    )


def open_ones(database: EmbeddedDatabase) -> list[tuple[str, int]]:
    return rows(database, "SELECT room, id FROM public.chat WHERE is_open ORDER BY 1, 2")


@pytest.fixture
async def runner(
    database: EmbeddedDatabase, recover: Recover, tmp_path: Path
) -> AsyncIterator[Runner]:
    execute(database, ROOMS)
    secret = tmp_path / "secret"
    secret.write_text("a secret that is long enough for a webhook")
    webhook = {"url": "http://localhost:1/", "secret_file": str(secret)}
    async with recover(SOURCE, notify="recovered", webhook=webhook) as runner:
        yield runner


async def test_automatic_recovery_closes_and_leaves_alone_what_was_undone(
    database: EmbeddedDatabase, runner: Runner
) -> None:
    in_rooms(database, 1, 1)
    with database.connect() as listener:
        listener.execute(b"LISTEN recovered")
        listener.commit()
        await runner.run(2)
        listener.execute(b"SELECT 1")
        heard = [json.loads(each.payload)["session"] for each in listener.notifies(timeout=0)]
    assert open_ones(database) == []
    assert sorted(heard) == [["a", "1"], ["b", "1"]]
    audited = rows(database, "SELECT session FROM session_exporter.recovery ORDER BY 1")
    assert audited == [(["a", "1"],), (["b", "1"],)]

    assert await runner.by_hand.undo() == 2
    execute(
        database,
        "UPDATE public.chat SET seen = now() - interval '90 minutes' WHERE id = 1 AND room = 'b'",
    )
    await runner.run(2)
    assert open_ones(database) == [("a", 1)]


async def test_a_session_that_was_closed_three_times_is_left_alone_and_no_other_of_its_room(
    database: EmbeddedDatabase, runner: Runner
) -> None:
    in_rooms(database, 1, 1)
    execute(
        database,
        "INSERT INTO session_exporter.recovery (run, source, relation, session, trigger, evidence,"
        " before, after, row_version)"
        " SELECT gen_random_uuid(), 'chat', '\"public\".\"chat\"', ARRAY['a', '1'], 'manual', '{}',"
        " '{}', '{}', '0' FROM generate_series(1, 3)",
        # Of another id of this table.
        "INSERT INTO session_exporter.recovery (run, source, relation, session, trigger, evidence,"
        " before, after, row_version)"
        " SELECT gen_random_uuid(), 'chat', '\"public\".\"chat\"', ARRAY['b'], 'manual', '{}',"
        " '{}', '{}', '0' FROM generate_series(1, 3)",
    )
    await runner.run(2)
    assert open_ones(database) == [("a", 1)]


async def test_a_recovered_session_that_shows_life_is_contradicted_and_returned(
    database: EmbeddedDatabase, runner: Runner
) -> None:
    in_rooms(database, 1, 1)
    await runner.run(2)
    execute(
        database,
        "UPDATE public.chat SET is_open = true, ended = NULL, seen = now() + interval '1 second'"
        " WHERE room = 'b'",
    )
    by_hand = runner.by_hand
    async with by_hand.reader() as reader:
        rule = await bind_rule(reader, by_hand.source)
        if rule.table.source.recovery.call is None:
            async with open_writer(by_hand.settings, by_hand.source) as writer:
                maintenance = AuditMaintenance(writer, by_hand.source)
                assert await maintenance.run(rule, None, at=0.0) == []
        else:
            execute(database, "SELECT session_exporter.maintain_chat('contradicted', 'infinity')")
        noted = "SELECT session FROM session_exporter.recovery WHERE contradicted_at IS NOT NULL"
        assert rows(database, noted) == [(["b", "1"],)]

        keys = ['["a", "1"]', '["b", "1"]', '["b", "7"]']
        found = await find_gone(reader, rule, keys, 0.0, is_audited=False)
        assert found.returned.keys() == {'["a", "1"]', '["b", "1"]'}
        found = await find_gone(reader, rule, keys, 0.0, is_audited=True)
        assert found.returned == {}


async def test_the_webhook_is_sent_a_list(database: EmbeddedDatabase, runner: Runner) -> None:
    in_rooms(database, 1, 1)
    await runner.run(2)
    source = runner.by_hand.source
    dsn = source.recovery.model_copy(update={"dsn": database.dsn})
    async with open_writer(
        runner.by_hand.settings, source.model_copy(update={"recovery": dsn})
    ) as writer:
        claims = await Outbox(writer, "chat", "app", 60.0).claim(10)
    sent = sorted(json.loads(each.body)["session"] for each in claims)
    assert sent == [["a", "1"], ["b", "1"]]


async def test_printed_functions_close_and_undo_by_several_columns(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    recover = runners(database, tmp_path, by_functions=True)
    execute(database, ROOMS)
    async with recover(SOURCE):
        in_rooms(database, 1, 2)
        execute(database, "UPDATE public.chat SET seen = now() WHERE room = 'b' AND id = 2")
        stuck = rows(database, "SELECT session_id FROM public.recover_stuck_chat()")
        assert sorted(stuck) == [(["a", "1"],), (["a", "2"],), (["b", "1"],)]
        assert open_ones(database) == [("b", 2)]
        numbers = "ARRAY(SELECT number FROM session_exporter.recovery WHERE session[1] = 'a')"
        undone = rows(database, f"SELECT count(*) FROM session_exporter.undo_chat({numbers})")
        assert undone == [(2,)]
        assert open_ones(database) == [("a", 1), ("a", 2), ("b", 2)]
