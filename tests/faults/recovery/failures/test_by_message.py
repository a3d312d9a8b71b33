"""Sessions that are closed in one message: all of it or nothing, and as many as are reported."""

import asyncio
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import AuditUnusable, ConnectFailed
from exporter.postgres.error_causes import ENDS_AHEAD, NOT_AUDITED, NOT_WRITTEN, STILL_ACTIVE
from exporter.recovery.close.batches import CloseRun
from exporter.recovery.close.by_message import MessageCloser
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import Candidate, Outcome
from tests.support.processes.session_exporter import wait_for
from tests.support.recovery.close_runs import all_candidates
from tests.support.recovery.planned_stops import (
    CHAT,
    Stopping,
    chat,
    prepare,
    run,
    still_open,
    stopping,
)
from tests.support.recovery.statements.changes import Change, with_setting
from tests.support.recovery.statements.templates import Templates
from tests.support.servers.statements import rows

ORPHAN = {"started": "now() - interval '4 hours'", "seen": "now() - interval '3 hours'"}
LIVE = {"started": "now() - interval '4 hours'", "seen": "now()"}
NAMES = [f"chat {number}" for number in range(6)]

TRIGGER = """\
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN new; END $$;
CREATE TRIGGER meddle BEFORE {} FOR EACH ROW EXECUTE FUNCTION meddle()
"""
ON_CHAT, ON_AUDIT = "UPDATE ON chat", "INSERT ON session_exporter.recovery"
THIRD = "IF new.id = 'chat 3' THEN {} END IF;"

#: While the test holds this lock, closing chat 3 takes as long as it may.
SLOW = THIRD.format("IF NOT pg_try_advisory_xact_lock(3) THEN PERFORM pg_sleep(60); END IF;")
ASLEEP = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
LOCKING = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'session-exporter' AND wait_event_type = 'Lock' AND wait_event = 'advisory'
"""


def closer_of(it: Stopping) -> MessageCloser:
    return MessageCloser(StatementCloser(it.writer, "manual", it.orphans))


async def close(it: Stopping, found: list[Candidate], outcome: Outcome) -> Outcome:
    return await CloseRun(closer_of(it), batch=100, pause=0, outcome=outcome).close(found)


def audited(database: EmbeddedDatabase, outcome: Outcome) -> list[str]:
    """The sessions that the audit has of this run, one for each of its rows."""
    query = f"SELECT session[1] FROM session_exporter.recovery WHERE run = '{outcome.run}'"
    return sorted(name for (name,) in rows(database, query))


async def found(database: EmbeddedDatabase, query: str) -> int:
    """The process that the query finds, as soon as it finds one."""

    def find() -> int | None:
        return next((pid for (pid,) in rows(database, query)), None)

    return await asyncio.to_thread(wait_for, find, query)


async def test_what_fits_still_is_closed_and_the_rest_is_skipped(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    odd = ['"quoted"', "back\\\\slash", "{a,b}", "NULL", ""]
    prepare(any_database, *(chat(name, **ORPHAN) for name in NAMES + odd), chat("live", **LIVE))
    async with stopping(any_database, tmp_path) as it:
        candidates = await all_candidates(it.reader, it.rule)
        run(
            any_database,
            "UPDATE chat SET seen = now() WHERE id = 'chat 0'",
            "UPDATE chat SET node = 'another version' WHERE id = 'chat 1'",
            "DELETE FROM chat WHERE id = 'chat 2'",
        )
        with any_database.connect() as other, other.transaction():
            other.execute("SELECT FROM chat WHERE id = 'chat 3' FOR KEY SHARE")
            outcome = await close(it, candidates, Outcome())
    assert still_open(any_database) == {"chat 0", "chat 1", "chat 3", "live"}
    assert audited(any_database, outcome) == sorted(["chat 4", "chat 5", *odd])
    assert (outcome.closed, outcome.skipped, outcome.refused) == (7, 4, {})


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (THIRD.format("RAISE EXCEPTION 'no';"), "a trigger raised an error"),
        (THIRD.format("RETURN NULL;"), NOT_WRITTEN),
        (THIRD.format("new.is_open := true;"), STILL_ACTIVE),
        (THIRD.format("new.seconds := 1 / 0;"), ""),
    ],
)
async def test_one_that_is_refused_keeps_no_other_open(
    database: EmbeddedDatabase, tmp_path: Path, harm: str, reason: str
) -> None:
    prepare(database, *(chat(name, **ORPHAN) for name in NAMES), TRIGGER.format(harm, ON_CHAT))
    async with stopping(database, tmp_path) as it:
        outcome = await close(it, await all_candidates(it.reader, it.rule), Outcome())
    assert still_open(database) == {"chat 3"}
    assert audited(database, outcome) == [name for name in NAMES if name != "chat 3"]
    assert (outcome.closed, outcome.skipped) == (5, 0)
    assert [*outcome.refused] == ["chat 3"]
    assert reason in outcome.refused["chat 3"]


async def test_an_end_in_the_future_is_refused(database: EmbeddedDatabase, tmp_path: Path) -> None:
    ahead = CHAT + "    end_at: |\n      s.seen + interval '1 hour' * (s.node)::int\n"
    prepare(database, *(chat(name, node="'1'", **ORPHAN) for name in NAMES))
    run(database, "UPDATE chat SET node = '9' WHERE id = 'chat 3'")
    async with stopping(database, tmp_path, ahead) as it:
        outcome = await close(it, await all_candidates(it.reader, it.rule), Outcome())
    assert (outcome.closed, outcome.refused) == (5, {"chat 3": ENDS_AHEAD})
    assert audited(database, outcome) == [name for name in NAMES if name != "chat 3"]


async def test_nothing_is_closed_that_is_not_audited(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    lost = TRIGGER.format("IF new.session[1] = 'chat 3' THEN RETURN NULL; END IF;", ON_AUDIT)
    prepare(database, *(chat(name, **ORPHAN) for name in NAMES), lost)
    outcome = Outcome()
    async with stopping(database, tmp_path) as it:
        with pytest.raises(AuditUnusable, match=NOT_AUDITED):
            await close(it, await all_candidates(it.reader, it.rule), outcome)
    closed = set(NAMES) - still_open(database)
    assert audited(database, outcome) == sorted(closed)
    assert outcome.closed == len(closed)


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_message_that_ends_in_the_middle_has_closed_nothing(
    any_database: EmbeddedDatabase, tmp_path: Path, end: str
) -> None:
    slow = TRIGGER.format(SLOW, ON_CHAT)
    prepare(any_database, *(chat(name, **ORPHAN) for name in NAMES), slow)
    outcome = Outcome()
    async with stopping(any_database, tmp_path) as it:
        candidates = await all_candidates(it.reader, it.rule)
        with any_database.connect() as other:
            other.execute("SELECT pg_advisory_lock(3)")
            closing = asyncio.create_task(close(it, candidates, outcome))
            backend = await found(any_database, ASLEEP)
            assert still_open(any_database) == {*NAMES}
            assert (outcome.done, audited(any_database, outcome)) == (0, [])
            other.execute("SELECT pg_advisory_unlock(3)")
            other.execute(f"SELECT {end}({backend})".encode())
        if end == "pg_cancel_backend":  # the statements close what the message did not
            await closing
            assert (outcome.closed, outcome.refused) == (len(NAMES), {})
            assert audited(any_database, outcome) == NAMES
            return
        with pytest.raises(ConnectFailed):
            await closing
    assert still_open(any_database) == {*NAMES}
    assert (outcome.done, audited(any_database, outcome)) == (0, [])


async def test_a_message_has_its_locks_before_it_looks_again(
    any_database: EmbeddedDatabase, tmp_path: Path, templates: Templates
) -> None:
    """Between its two statements, what other tables say may change, and no locked row."""
    protected = CHAT.replace(
        "exempt: vip", "exempt: EXISTS (SELECT FROM protected AS p WHERE p.id = s.id)"
    )
    prepare(
        any_database,
        "CREATE TABLE protected (id text)",
        *(chat(name, **ORPHAN) for name in NAMES),
    )
    halt = "SELECT pg_catalog.pg_advisory_xact_lock(7), "
    templates.change("recovery/close/begin", with_setting("lock_timeout", "60s"))
    templates.change("recovery/close/begin", with_setting("statement_timeout", "60s"))
    templates.change(
        "recovery/close/message/lock",
        Change("halts after it", lambda text: text.replace("\nSELECT ", f"\n{halt}", 1)),
    )
    async with stopping(any_database, tmp_path, protected) as it:
        candidates = await all_candidates(it.reader, it.rule)
        with any_database.connect() as other, any_database.connect() as application:
            other.execute("SELECT pg_advisory_lock(7)")
            application.execute("BEGIN; SELECT FROM chat WHERE id = 'chat 5' FOR UPDATE")
            closing = asyncio.create_task(close(it, candidates, Outcome()))
            await found(any_database, LOCKING)
            unlocked = "SELECT id FROM chat FOR UPDATE SKIP LOCKED"
            assert other.execute(unlocked).fetchall() == []
            run(any_database, "INSERT INTO protected VALUES ('chat 1')")
            application.execute("COMMIT")  # it is free now, and was not when the others were locked
            other.execute("SELECT pg_advisory_unlock(7)")
            outcome = await closing
    assert still_open(any_database) == {"chat 1", "chat 5"}
    assert (outcome.closed, outcome.skipped) == (4, 2)


async def test_two_at_once_close_each_session_once(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        "INSERT INTO chat (id, started, seen) SELECT 'chat ' || n, now() - interval '4 hours',"
        " now() - interval '3 hours' FROM generate_series(1, 2000) AS n",
    )
    async with stopping(any_database, tmp_path) as it, stopping(any_database, tmp_path) as other:
        candidates = await all_candidates(it.reader, it.rule)
        outcomes = Outcome(), Outcome()
        await asyncio.gather(
            close(it, candidates, outcomes[0]), close(other, candidates[::-1], outcomes[1])
        )
    audits = [audited(any_database, outcome) for outcome in outcomes]
    assert [len(audit) for audit in audits] == [outcome.closed for outcome in outcomes]
    assert sorted(audits[0] + audits[1]) == sorted(each.session for each in candidates)
    assert still_open(any_database) == set()
