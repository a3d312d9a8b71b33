"""A planned stop closes the active sessions it is about, all of them, and no other."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.errors import AuditUnusable, SchemaMismatch, UsageError
from exporter.recovery.audit.runs import find_run
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.rule.selection import PlannedStop
from exporter.recovery.undo import UndoOutcome, plan_undo, undo
from tests.support.collection.open_transaction import OpenTransaction
from tests.support.recovery.close_runs import all_candidates, close_found
from tests.support.recovery.planned_stops import CHAT, chat, prepare, run, still_open, stopping
from tests.support.servers.statements import rows

#: Starts and signs of life as the chats have them.
LIVE = {"started": "now() - interval '1 hour'", "seen": "now()"}
SILENT = {"started": "now() - interval '1 hour'", "seen": "now() - interval '2 minutes'"}
LEFT_OPEN = {"started": "now() - interval '9 days'", "seen": "now() - interval '8 days'"}

LEAST_RIGHTS = f"""\
GRANT USAGE ON SCHEMA public, session_exporter TO {EXPORTER};
GRANT SELECT, UPDATE (is_open, ended, seconds) ON chat TO {EXPORTER};
GRANT SELECT, INSERT, UPDATE (undone_at, undo_reason) ON session_exporter.recovery TO {EXPORTER};
GRANT SELECT, INSERT ON session_exporter.run TO {EXPORTER}
"""


async def test_an_owner_that_stops_closes_its_active_sessions_and_no_other(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        chat("live", node="'a'", **LIVE),
        chat("silent", node="'a'", **SILENT),
        chat("backlog", node="'a'", **LEFT_OPEN),
        chat("undated", node="'a'", started="NULL"),
        chat("ended", node="'a'", is_open="false", ended="now() - interval '1 minute'"),
        chat("elsewhere", node="'b'", **LIVE),
        chat("nowhere", **LEFT_OPEN),
        chat("other case", node="'A'", **LIVE),
    )
    ended = "SELECT ended FROM chat WHERE id = 'ended'"
    before = rows(any_database, ended)
    async with stopping(any_database, tmp_path) as it:
        plan = await it.plan(PlannedStop("a"))
        assert (plan.active, plan.concerned, plan.ready, len(plan.previews)) == (7, 4, 4, 4)
        outcome, left = await it.close(plan)
    closed = {each.session for each in outcome.recovered}
    assert closed == {"live", "silent", "backlog", "undated"}
    assert (outcome.skipped, outcome.refused, left) == (0, {}, 0)
    assert still_open(any_database) == {"elsewhere", "nowhere", "other case"}
    assert rows(any_database, ended) == before


async def test_the_end_is_now_as_the_application_would_write_it_but_for_orphans(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        chat("live", node="'a'", **LIVE),
        chat("silent", node="'a'", **SILENT),
        chat("orphan", node="'a'", **LEFT_OPEN),
        chat("ahead of the clock", node="'a'", started="now() + interval '30 seconds'"),
    )
    async with stopping(any_database, tmp_path) as it:
        began = await it.now()
        await it.close_owner("a")
    found = rows(
        any_database,
        f"SELECT id, ended BETWEEN '{began}' AND now(), ended = seen, ended = started, seconds,"
        " seconds = extract(epoch FROM ended - started) FROM chat ORDER BY id",
    )
    assert [(*row[:4], row[5]) for row in found] == [
        ("ahead of the clock", False, None, True, True),
        ("live", True, False, False, True),
        ("orphan", False, True, False, True),
        ("silent", True, False, False, True),
    ]
    assert {row[0]: round(row[4] / 60) for row in found} == {
        "ahead of the clock": 0,
        "live": 60,
        "silent": 60,
        "orphan": 24 * 60,
    }


async def test_what_further_evidence_proves_alive_ends_now(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        database,
        "CREATE TABLE messages (chat text)",
        "INSERT INTO messages VALUES ('talking')",
        chat("talking", node="'a'", **LEFT_OPEN),
    )
    evidence = "    evidence: |\n      EXISTS (SELECT FROM messages m WHERE m.chat = s.id)\n"
    async with stopping(database, tmp_path, CHAT + evidence) as it:
        assert len((await it.close_owner("a"))[0].recovered) == 1
    assert rows(database, "SELECT ended > now() - interval '1 minute' FROM chat") == [(True,)]


async def test_a_protected_session_and_one_without_an_end_are_left_alone_and_counted(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        chat("vip", node="'a'", vip="true", **LIVE),
        chat("endless", node="'a'", **LEFT_OPEN),
        chat("live", node="'a'", **LIVE),
    )
    text = CHAT + "    end_at: |\n      nullif(s.seen, s.seen)\n"
    async with stopping(any_database, tmp_path, text) as it:
        for stop in (PlannedStop("a"), PlannedStop(None, await it.now(), even_live=True)):
            plan = await it.plan(stop)
            assert (plan.concerned, plan.exempt, plan.endless, plan.ready) == (3, 1, 1, 1)
        await it.close(plan)
    assert still_open(any_database) == {"vip", "endless"}


@pytest.mark.quick("char(8)", "integer", "text-")
@pytest.mark.parametrize(
    ("type_", "mine", "other", "given"),
    [
        ("varchar(5)", "pod-1", "pod-2", "pod-1"),
        ("char(8)", "pod-1", "pod-2", "pod-1"),
        ("integer", "17", "18", "017"),
        (
            "uuid",
            "9f3c5d0e-0000-4000-8000-0000000000aa",
            "9f3c5d0e-0000-4000-8000-0000000000bb",
            "9F3C5D0E-0000-4000-8000-0000000000AA",
        ),
        ("text", "it's \\a\\ server; --", "its", "it's \\a\\ server; --"),
    ],
)
async def test_the_id_of_an_owner_is_compared_in_the_type_of_the_column(
    database: EmbeddedDatabase, tmp_path: Path, *, type_: str, mine: str, other: str, given: str
) -> None:
    quoted = mine.replace("'", "''")
    prepare(
        database,
        "ALTER TABLE chat DROP COLUMN node",
        f"ALTER TABLE chat ADD COLUMN node {type_}",
        chat("mine", node=f"'{quoted}'"),
        chat("other", node=f"'{other}'"),
    )
    async with stopping(database, tmp_path) as it:
        assert (await it.plan(PlannedStop(given))).ready == 1
        await it.close_owner(given)
    assert still_open(database) == {"other"}


async def test_a_longer_id_than_the_column_holds_is_an_unknown_owner(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        database,
        "ALTER TABLE chat ALTER COLUMN node TYPE varchar(5)",
        chat("mine", node="'pod-1'"),
    )
    async with stopping(database, tmp_path) as it:
        assert (await it.plan(PlannedStop("pod-12345"))).concerned == 0


async def test_an_id_that_the_column_cannot_hold_is_wrong_usage(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "ALTER TABLE chat ALTER COLUMN node TYPE integer USING node::integer")
    async with stopping(database, tmp_path) as it:
        with pytest.raises(UsageError, match="--owner: the column node is of type integer"):
            await it.plan(PlannedStop("pod-1"))


async def test_a_column_for_owners_that_is_not_there_is_named(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database)
    misspelt = CHAT.replace("owner: node", "owner: nod")
    with pytest.raises(SchemaMismatch, match=r"owner: .* did you mean node\?"):
        async with stopping(database, tmp_path, misspelt) as it:
            await it.plan(PlannedStop("a"))


async def test_without_the_audit_table_nothing_is_planned(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, "DROP TABLE session_exporter.recovery")
    async with stopping(database, tmp_path) as it:
        with pytest.raises(AuditUnusable, match="sql audit"):
            await it.plan(PlannedStop("a"))


async def test_all_is_what_started_before_the_command(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database)
    async with stopping(any_database, tmp_path) as it:
        began = await it.now()
        run(
            any_database,
            chat("just before", started=f"'{began}'::timestamptz - interval '1 microsecond'"),
            chat("that moment", started=f"'{began}'"),
            chat("after"),
            chat("seen before", started="NULL", seen=f"'{began}'::timestamptz - interval '1 s'"),
            chat("seen after", started="NULL", seen="now()"),
            chat("unknown", started="NULL"),
        )
        plan = await it.plan(PlannedStop(None, began, even_live=True))
        assert (plan.active, plan.ready) == (6, 2)
        await it.close(plan)
    assert still_open(any_database) == {"that moment", "after", "seen after", "unknown"}


@pytest.mark.parametrize(
    ("type_", "declared", "zone", "earlier", "at"),
    [
        (
            "timestamp",
            "started",
            "America/New_York",
            "('{}'::timestamptz - interval '1 s') AT TIME ZONE 'America/New_York'",
            "'{}'::timestamptz AT TIME ZONE 'America/New_York'",
        ),
        (
            "bigint",
            "{column: started, epoch: ms}",
            "UTC",
            "floor(extract(epoch FROM '{}'::timestamptz) * 1000) - 1000",
            "floor(extract(epoch FROM '{}'::timestamptz) * 1000)",  # perhaps a little later
        ),
        (
            "bigint",
            "{column: started, epoch: s}",
            "UTC",
            "floor(extract(epoch FROM '{}'::timestamptz)) - 1",
            "floor(extract(epoch FROM '{}'::timestamptz))",
        ),
    ],
)
async def test_starts_without_a_zone_and_in_numbers_are_compared_as_moments(
    database: EmbeddedDatabase,
    tmp_path: Path,
    *,
    type_: str,
    declared: str,
    zone: str,
    earlier: str,
    at: str,
) -> None:
    prepare(
        database,
        "ALTER TABLE chat DROP COLUMN started",
        f"ALTER TABLE chat ADD COLUMN started {type_}",
    )
    text = CHAT.replace("started_at: started", f"started_at: {declared}")
    text = text.replace("  id: id", f"  timestamps_in: {zone}\n  id: id")
    text = text.replace("extract(epoch FROM {end} - s.started)", "1")
    async with stopping(database, tmp_path, text) as it:
        began = await it.now()
        run(
            database,
            chat("before", started=earlier.format(began)),
            chat("not before", started=at.format(began)),
        )
        await it.close(await it.plan(PlannedStop(None, began, even_live=True)))
    assert still_open(database) == {"not before"}


@pytest.mark.quick("59.999999 seconds-True", "'60 seconds'-False", "NULL-True", "NULL-NULL")
@pytest.mark.parametrize(
    ("started", "seen", "is_refused"),
    [
        ("now() - interval '1 hour'", "now() - interval '59.999999 seconds'", True),
        ("now() - interval '1 hour'", "now() - interval '60 seconds'", False),
        ("now() - interval '59.999999 seconds'", "NULL", True),
        ("now() - interval '60 seconds'", "NULL", False),
        ("now() - interval '1 hour'", "now() + interval '1 hour'", True),
        ("NULL", "NULL", False),
    ],
)
async def test_a_sign_of_life_younger_than_a_minute_forbids_all(
    database: EmbeddedDatabase, tmp_path: Path, started: str, seen: str, *, is_refused: bool
) -> None:
    prepare(database, chat("dead", **LEFT_OPEN))
    async with stopping(database, tmp_path) as it:
        with database.connect() as connection, connection.transaction():  # now() stands still
            connection.execute(chat("x", started=started, seen=seen, vip="true").encode())
            still = replace(it, reader=OpenTransaction(connection, it.source))
            now = await still.now()
            assert (await still.plan(PlannedStop(None, now))).is_refused is is_refused
            assert not (await still.plan(PlannedStop(None, now, even_live=True))).is_refused
            assert not (await still.plan(PlannedStop("a"))).is_refused


async def test_further_evidence_forbids_all_too(database: EmbeddedDatabase, tmp_path: Path) -> None:
    prepare(database, chat("proved", **LEFT_OPEN))
    async with stopping(
        database, tmp_path, CHAT + "    evidence: |\n      s.id = 'proved'\n"
    ) as it:
        assert (await it.plan(PlannedStop(None, await it.now()))).is_refused


async def test_a_session_that_shows_life_after_the_plan_is_not_closed_by_all(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, chat("wakes up", **SILENT), chat("silent", **SILENT))
    async with stopping(any_database, tmp_path) as it:
        plan = await it.plan(PlannedStop(None, await it.now()))
        found = await all_candidates(it.reader, it.rule, selection=plan.selection)
        run(any_database, "UPDATE chat SET seen = now() WHERE id = 'wakes up'")
        outcome = await close_found(
            it.writer, it.rule, found, trigger="close", selection=plan.selection
        )
    assert (len(found), len(outcome.recovered), outcome.skipped) == (2, 1, 1)
    assert still_open(any_database) == {"wakes up"}


async def test_what_ended_moved_or_went_after_it_was_found_is_left_alone(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    names = ("ended", "moved", "protected", "gone", "beats")
    prepare(any_database, *(chat(name, node="'a'", **LIVE) for name in names))
    async with stopping(any_database, tmp_path) as it:
        plan = await it.plan(PlannedStop("a"))
        found = await all_candidates(it.reader, it.rule, selection=plan.selection)
        run(
            any_database,
            "UPDATE chat SET is_open = false, ended = '2001-01-01' WHERE id = 'ended'",
            "UPDATE chat SET node = 'b' WHERE id = 'moved'",
            "UPDATE chat SET vip = true WHERE id = 'protected'",
            "DELETE FROM chat WHERE id = 'gone'",
            "UPDATE chat SET seen = now() WHERE id = 'beats'",  # which keeps nothing open
        )
        outcome = await close_found(
            it.writer, it.rule, found, trigger="close", selection=plan.selection
        )
    assert [each.session for each in outcome.recovered] == ["beats"]
    assert outcome.skipped == 4
    assert still_open(any_database) == {"moved", "protected"}
    ended = rows(any_database, "SELECT ended::date::text FROM chat WHERE id = 'ended'")
    assert ended == [("2001-01-01",)]


@pytest.mark.quick("heartbeat")
@pytest.mark.parametrize(
    ("does", "closed"),
    [
        ("UPDATE chat SET is_open = false, ended = now() WHERE id = 'held'", {"free"}),
        ("UPDATE chat SET seen = now() WHERE id = 'held'", {"free", "held"}),
    ],
    ids=["an end", "a heartbeat"],
)
async def test_a_session_that_is_written_to_just_now_is_tried_again(
    any_database: EmbeddedDatabase, tmp_path: Path, does: str, closed: set[str]
) -> None:
    prepare(any_database, chat("held", node="'a'", **LIVE), chat("free", node="'a'", **LIVE))
    async with stopping(any_database, tmp_path) as it:
        plan = await it.plan(PlannedStop("a"))
        with any_database.connect() as application:
            application.execute("BEGIN")
            application.execute(does.encode())
            seen: list[int] = []

            def commit_once(outcome: Outcome) -> None:
                seen.append(outcome.skipped)
                application.execute("COMMIT")

            outcome, left = await it.close(plan, commit_once)
    assert seen == [1]  # it was held when its turn came
    assert {each.session for each in outcome.recovered} == closed
    assert (outcome.skipped, left) == (2 - len(closed), 0)
    audited = rows(any_database, "SELECT session[1], run FROM session_exporter.recovery")
    assert sorted(audited) == sorted((name, outcome.run) for name in closed)


async def test_a_session_that_is_held_for_long_is_reported_as_left(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, chat("held", node="'a'", **LIVE), chat("free", node="'a'", **LIVE))
    async with stopping(any_database, tmp_path) as it:
        with any_database.connect() as application:
            application.execute("BEGIN")
            application.execute("SELECT FROM chat WHERE id = 'held' FOR UPDATE")
            outcome, left = await it.close_owner("a")
        assert (len(outcome.recovered), outcome.skipped, left) == (1, 0, 1)
        again, left = await it.close_owner("a")
        assert ([each.session for each in again.recovered], left) == (["held"], 0)


GUARD = (
    """CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF OLD.id = 'guarded' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$""",
    "CREATE TRIGGER guard BEFORE UPDATE ON chat FOR EACH ROW EXECUTE FUNCTION guard()",
)


async def test_only_what_was_held_is_tried_again(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    names = ("held", "free", "guarded")
    prepare(any_database, *(chat(name, node="'a'", **LIVE) for name in names), *GUARD)
    async with stopping(any_database, tmp_path) as it:
        plan = await it.plan(PlannedStop("a"))
        with any_database.connect() as application:
            application.execute("BEGIN")
            application.execute("SELECT FROM chat WHERE id = 'held' FOR UPDATE")
            reported: list[Outcome] = []

            def go_on(outcome: Outcome) -> None:
                reported.append(outcome)
                if len(reported) == 2:
                    run(
                        any_database,
                        chat("new", node="'a'", **LIVE),
                        "UPDATE chat SET is_open = true WHERE id = 'free'",
                    )

            outcome, left = await it.close(plan, go_on)
    assert [each.session for each in outcome.recovered] == ["free"]
    assert (set(outcome.refused), left) == ({"guarded"}, 1)
    assert still_open(any_database) == {"held", "free", "guarded", "new"}


async def test_a_session_that_loses_its_end_after_it_was_found_is_left_alone(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, chat("endless", node="'a'", **LEFT_OPEN))
    text = CHAT + "    end_at: |\n      CASE WHEN s.seconds IS NULL THEN s.seen END\n"
    async with stopping(database, tmp_path, text) as it:
        plan = await it.plan(PlannedStop("a"))
        found = await all_candidates(it.reader, it.rule, selection=plan.selection)
        run(database, "UPDATE chat SET seconds = 0")
        outcome = await close_found(
            it.writer, it.rule, found, trigger="close", selection=plan.selection
        )
    assert (len(found), outcome.recovered, outcome.skipped) == (1, [], 1)


async def test_a_session_that_starts_while_others_are_closed_is_not_part_of_it(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, *(chat(f"old {n}", node="'a'", **SILENT) for n in range(6)))
    async with stopping(database, tmp_path) as it:
        plan = await it.plan(PlannedStop(None, await it.now()))
        reported: list[int] = []

        def start(outcome: Outcome) -> None:
            reported.append(len(outcome.recovered))
            run(database, chat(f"new {len(reported)}", node="'a'"))

        await it.close(plan, start)
    assert reported == [2, 4, 6]
    assert still_open(database) == {"new 1", "new 2", "new 3"}


async def test_a_session_that_a_trigger_or_a_bad_value_protects_is_set_aside(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        *(chat(f"fine {n}", node="'a'", **LIVE) for n in range(3)),
        chat("guarded", node="'a'", **LIVE),
        chat("absurd", node="'a'", started="now() - interval '1 hour'"),
        *GUARD,
    )
    text = CHAT.replace("extract(", "1 / (CASE s.id WHEN 'absurd' THEN 0 ELSE 1 END) * extract(")
    async with stopping(any_database, tmp_path, text) as it:
        outcome, left = await it.close_owner("a")
    assert (len(outcome.recovered), outcome.skipped, left) == (3, 0, 0)
    assert outcome.refused.keys() == {"guarded", "absurd"}
    assert still_open(any_database) == {"guarded", "absurd"}


async def test_two_commands_at_once_close_no_session_twice(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, *(chat(f"chat {n}", node="'a'", **LIVE) for n in range(40)))
    async with stopping(any_database, tmp_path) as one, stopping(any_database, tmp_path) as other:
        done = await asyncio.gather(one.close_owner("a"), other.close_owner("a"))
    assert sum(len(outcome.recovered) for outcome, _ in done) == 40
    assert [left for _, left in done] == [0, 0]
    audited = rows(any_database, "SELECT session[1] FROM session_exporter.recovery")
    assert (len(audited), len(set(audited))) == (40, 40)
    assert still_open(any_database) == set()


async def test_a_stop_marks_and_reports_as_recovery_does(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    configs = {"nothing": "NULL", "object": "'{\"a\": 1}'", "array": "'[1]'", "scalar": "'7'"}
    prepare(
        any_database,
        "ALTER TABLE chat ADD COLUMN config jsonb",
        *(chat(name, node="'a'", config=value, **LIVE) for name, value in configs.items()),
    )
    text = CHAT + "    mark: {column: config, merge: {stopped: true}}\n    returning: [node]\n"
    async with stopping(any_database, tmp_path, text) as it:
        outcome, _ = await it.close_owner("a")
    assert {each.session for each in outcome.recovered} == configs.keys()
    assert [json.loads(each.report) for each in outcome.recovered] == [{"node": "a"}] * 4
    assert dict(rows(any_database, "SELECT id, config FROM chat")) == {
        "nothing": {"stopped": True},
        "object": {"a": 1, "stopped": True},
        "array": [1],
        "scalar": 7,
    }


async def test_it_is_written_down_and_can_be_undone(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        chat("live", node="'a'", **LIVE),
        chat("left open", node="'a'", **LEFT_OPEN),
        chat("reopened", node="'a'", **LIVE),
    )
    before = rows(any_database, "SELECT * FROM chat WHERE id <> 'reopened' ORDER BY id")
    async with stopping(any_database, tmp_path) as it:
        outcome, _ = await it.close_owner("a")
        assert rows(
            any_database,
            "SELECT DISTINCT a.trigger, r.rule ->> 'owner', a.source"
            " FROM session_exporter.recovery AS a JOIN session_exporter.run AS r USING (run)",
        ) == [("close", "a", "chat")]
        found = await find_run(it.reader, outcome.run)
        assert found is not None
        assert (found.trigger, found.sessions) == ("close", 3)
        again, left = await it.close_owner("a")
        assert (again.recovered, again.skipped, left) == ([], 0, 0)
        run(any_database, "UPDATE chat SET is_open = true WHERE id = 'reopened'")
        plan = await plan_undo(it.reader, it.source, outcome.run)
        assert (len(plan.restored), plan.left_alone["changed"]) == (2, 1)
        undone = await undo(it.writer, plan, batch=50, pause=0)
        assert undone == UndoOutcome(undone=2)
    assert rows(any_database, "SELECT * FROM chat WHERE id <> 'reopened' ORDER BY id") == before


async def test_a_role_with_the_least_rights_can_do_it(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        any_database,
        chat("live", node="'a'", **LIVE),
        chat("left open", node="'a'", **LEFT_OPEN),
        LEAST_RIGHTS,
    )
    async with stopping(any_database, tmp_path, role=EXPORTER) as it:
        outcome, left = await it.close_owner("a")
        assert (len(outcome.recovered), left) == (2, 0)
        stop = PlannedStop(None, await it.now())
        assert (await it.plan(stop)).ready == 0
        plan = await plan_undo(it.reader, it.source, outcome.run)
        await undo(it.writer, plan, batch=50, pause=0)
    assert still_open(any_database) == {"live", "left open"}
    audited = rows(any_database, "SELECT role::text FROM session_exporter.run")
    assert audited == [(EXPORTER,)]
