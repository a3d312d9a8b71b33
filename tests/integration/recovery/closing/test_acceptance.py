"""What a recovery by hand writes in the four tables of config.yaml, column by column.

By statements of its own, and by the functions that are printed, which a role calls that may do
nothing else.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exporter import sessions
from exporter.config import load_config
from exporter.demo import history
from exporter.demo.roles import RECOVERY, prepare
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from exporter.postgres import Database, Writer
from exporter.recovery.audit import run_sessions
from exporter.recovery.close.batches import CloseRun, make_closer
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import Outcome
from exporter.recovery.close.closer import Closer
from exporter.recovery.functions.installed import InstalledFunction, find_recover_function
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions
from exporter.recovery.undo import plan_undo, undo
from tests.support.recovery.close_runs import all_candidates
from tests.support.recovery.functions.installation import calling, install

EXAMPLE = Path(__file__).parents[4] / "config.yaml"
TWO_HOURS = dt.timedelta(hours=2)

#: The table of each source, and the column of its id.
TABLES = {
    "conversations": ("conversations.conversation_sessions", "session_id"),
    "coaching": ("coaching.roleplay_sessions", "id"),
    "transcripts": ("coaching.transcripts", "id"),
    "training": ("training.roleplay_sessions", "id"),
}

Rows = Mapping[Any, Mapping[str, Any]]


class Recovery(NamedTuple):
    """One source of the example, as the role that may close its sessions."""

    rule: Rule
    writer: Writer
    pool: Database
    function: InstalledFunction | None

    async def run(self, *, backlog: bool = True) -> Outcome:
        reader = self.pool.reader(timezone=sessions.time_zone(self.rule.table.source))
        found = await all_candidates(reader, self.rule, with_backlog=backlog)
        selection = orphaned_sessions(self.rule, with_backlog=backlog)
        # Of the ways by hand, the one whose outcome names the sessions.
        closer: Closer = StatementCloser(self.writer, "manual", selection)
        if self.function is not None:
            closer = make_closer(self.writer, reader, selection, self.function)
        return await CloseRun(closer, batch=7, pause=0).close(found)

    async def undo(self, outcome: Outcome) -> int:
        reader = self.pool.reader(timezone=sessions.time_zone(self.rule.table.source))
        plan = await plan_undo(reader, self.rule.table.source, outcome.run)
        progress: list[int] = []
        undone = await undo(
            self.writer,
            plan,
            batch=7,
            pause=0,
            progress=lambda so_far: progress.append(so_far.done),
        )
        assert progress == [*range(7, len(plan.restored), 7), len(plan.restored)]
        assert not undone.refused
        return undone.undone


Recover = Callable[[str], Any]


@pytest.fixture
def has_audit() -> bool:
    return False  # the demo makes it, for its own role


@pytest.fixture
async def prepared(database: EmbeddedDatabase) -> EmbeddedDatabase:
    await prepare(database)
    return database


@pytest.fixture(params=["by statements", "by functions"])
async def recovery_of(prepared: EmbeddedDatabase, request: pytest.FixtureRequest) -> Any:
    """`await recovery_of("coaching")`: that source of the example, bound and proved."""
    config = load_config(EXAMPLE, {"DATABASE_URL": prepared.dsn_for(RECOVERY)})
    settings = config.databases["app"]
    opened: list[Recovery] = []

    async def recovery_of(name: str) -> Recovery:
        source = config.sources[name]
        looking = settings
        if request.param == "by functions":
            source = calling(source)
            await install(prepared, config, source)
            looking = settings.model_copy(update={"dsn": prepared.dsn_for(EXPORTER)})
        zone = sessions.time_zone(source)
        pool = Database(looking)
        reader = pool.reader(timezone=zone)
        rule = await bind_rule(reader, source)
        function = await find_recover_function(reader, rule)
        await check_rule(reader, rule, writes=function is None)
        opened.append(Recovery(rule, Writer(settings, timezone=zone), pool, function))
        return opened[-1]

    yield recovery_of
    for each in opened:
        await each.writer.close()
        await each.pool.close()


def run(database: EmbeddedDatabase, *statements: str) -> None:
    with database.connect(APP) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def fill(database: EmbeddedDatabase) -> None:
    with database.connect(APP) as connection:
        ((now,),) = connection.execute("SELECT now()").fetchall()
        history.fill(connection, now)


def rows(database: EmbeddedDatabase, name: str) -> dict[Any, dict[str, Any]]:
    """Every row of a source's table by its id, with the version of the row."""
    table, id_ = TABLES[name]
    with database.connect() as connection:
        cursor = connection.execute(f"SELECT xmin::text AS xmin, * FROM {table}".encode())
        names = [column.name for column in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row[id_]: row for row in found}


def without_version(found: Rows) -> dict[Any, dict[str, Any]]:
    return {key: {k: v for k, v in row.items() if k != "xmin"} for key, row in found.items()}


def changed(before: Rows, after: Rows) -> dict[Any, dict[str, Any]]:
    """What is another value now, by row; every other row has to be the same version."""
    assert before.keys() == after.keys()
    differing = {}
    for key, row in after.items():
        if row != before[key]:
            assert row["xmin"] != before[key]["xmin"]
            new = {name for name in row if row[name] != before[key][name]} - {"xmin"}
            differing[key] = {name: row[name] for name in new}
    return differing


def audit(database: EmbeddedDatabase) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What was written down: the columns before and after, by session."""
    with database.connect() as connection:
        found = connection.execute(
            "SELECT session[1], before, after FROM session_exporter.recovery"
        ).fetchall()
    assert len({session for session, _, _ in found}) == len(found)
    return {session: (before, after) for session, before, after in found}


@pytest.mark.quick("by functions")
async def test_conversations_with_backlog_18_of_18_and_0_are_left(
    prepared: EmbeddedDatabase, recovery_of: Recover
) -> None:
    fill(prepared)
    before = rows(prepared, "conversations")
    active = {key for key, row in before.items() if row["is_active"]}
    assert (len(before), len(active)) == (85, 18)

    outcome = await (await recovery_of("conversations")).run()

    after = rows(prepared, "conversations")
    assert {each.session for each in outcome.recovered} == {str(key) for key in active}
    assert (outcome.skipped, outcome.refused) == (0, {})
    assert [row for row in after.values() if row["is_active"]] == []
    assert changed(before, after) == {
        key: {
            "is_active": False,
            "session_end": before[key]["session_start"] + TWO_HOURS,
            "ended_at": before[key]["session_start"] + TWO_HOURS,
            "duration_seconds": 7200.0,
        }
        for key in active
    }
    assert all(row["session_end"] and row["duration_seconds"] > 0 for row in after.values())
    written = audit(prepared)
    assert written.keys() == {str(key) for key in active}
    for was, became in written.values():
        assert was["is_active"] == "t"
        assert was["session_end"] is was["ended_at"] is was["duration_seconds"] is None
        assert (became["is_active"], became["duration_seconds"]) == ("f", "7200")
    assert {json.loads(each.report)["user_id"] for each in outcome.recovered} == {
        before[key]["user_id"] for key in active
    }


@pytest.mark.quick("by statements")
async def test_conversations_without_backlog_those_of_the_last_week_alone(
    prepared: EmbeddedDatabase, recovery_of: Recover
) -> None:
    fill(prepared)
    before = rows(prepared, "conversations")
    outcome = await (await recovery_of("conversations")).run(backlog=False)
    after = rows(prepared, "conversations")
    left = [row["session_start"] for row in after.values() if row["is_active"]]
    closed = [before[key]["session_start"] for key in changed(before, after)]
    assert len(left) + len(closed) == 18
    assert len(closed) == len(outcome.recovered) > 0
    assert max(left) < min(closed)


CONFIGS: dict[str, tuple[str, Any]] = {
    "NULL": ("NULL", {"auto_recovered": True}),
    "an object": ("""'{"voice": "alto"}'""", {"voice": "alto", "auto_recovered": True}),
    "an object that has the mark": (
        """'{"auto_recovered": false}'""",
        {"auto_recovered": True},
    ),
    "an array": ("""'["alto", 2]'""", ["alto", 2]),
    "a text": ("""'"alto"'""", "alto"),
    "a number": ("'2'", 2),
    "a null of JSON": ("'null'", None),
}

CALL = """
    INSERT INTO coaching.roleplay_sessions (id, trainee_id, persona_id, status, started_at,
        session_config, transcript)
    VALUES ({id}, {trainee}, {persona}, {status}, now() - interval '{started}', {config}, '[1]')
"""


def call(
    database: EmbeddedDatabase,
    number: int,
    *,
    status: str = "in_progress",
    started: str = "3 hours",
    config: str = "NULL",
    people: bool = False,
) -> str:
    id_ = f"00000000-0000-0000-0000-{number:012}"
    if people:
        run(
            database,
            f"INSERT INTO coaching.profiles VALUES ('{id_}', 'Ann')",
            f"INSERT INTO coaching.roleplay_personas VALUES ('{id_}', 'Busy executive')",
        )
    person = f"'{id_}'" if people else "NULL"
    run(
        database,
        CALL.format(
            id=f"'{id_}'",
            trainee=person,
            persona=person,
            status=f"'{status}'",
            started=started,
            config=config,
        ),
    )
    return id_


@pytest.mark.quick("by statements")
async def test_coaching_without_trainee_and_persona_is_recovered_like_any_other(
    prepared: EmbeddedDatabase, recovery_of: Recover
) -> None:
    with_people, without = call(prepared, 1, people=True), call(prepared, 2)
    for number, status in enumerate(("idle", "completed", "abandoned"), 3):
        call(prepared, number, status=status)
    call(prepared, 6, started="9 minutes")
    before = rows(prepared, "coaching")

    outcome = await (await recovery_of("coaching")).run()

    by_id = {str(key): row for key, row in rows(prepared, "coaching").items()}
    different = changed(before, rows(prepared, "coaching"))
    assert {str(key): row for key, row in different.items()} == {
        key: {
            "status": "abandoned",
            "ended_at": by_id[key]["started_at"] + dt.timedelta(minutes=10),
            "session_config": {"auto_recovered": True},
        }
        for key in (with_people, without)
    }
    reported = {each.session: json.loads(each.report) for each in outcome.recovered}
    stuck = {key: dt.datetime.fromisoformat(reported[key].pop("stuck_since")) for key in reported}
    assert reported == {
        with_people: {"trainee_name": "Ann", "persona_name": "Busy executive"},
        without: {"trainee_name": None, "persona_name": None},
    }
    assert stuck == {key: by_id[key]["started_at"] for key in reported}


@pytest.mark.quick("by functions-an array")
@pytest.mark.parametrize(("config", "marked"), CONFIGS.values(), ids=CONFIGS)
async def test_whatever_session_config_was_it_survives_and_comes_back(
    prepared: EmbeddedDatabase, recovery_of: Recover, config: str, marked: object
) -> None:
    id_ = call(prepared, 1, config=config)
    # A null of JSON and a NULL are the same in Python: the text tells them apart.
    text = f"SELECT session_config::text FROM coaching.roleplay_sessions WHERE id = '{id_}'"
    with prepared.connect() as connection:
        (was,) = connection.execute(text.encode()).fetchall()
        coaching = await recovery_of("coaching")
        outcome = await coaching.run()
        ((became,),) = connection.execute(text.encode()).fetchall()
        assert json.loads(became) == marked
        assert await coaching.undo(outcome) == 1
        assert connection.execute(text.encode()).fetchall() == [was]


@pytest.mark.quick("by statements")
async def test_transcripts_become_failed_and_nothing_else_of_them_changes(
    prepared: EmbeddedDatabase, recovery_of: Recover
) -> None:
    fill(prepared)
    before = rows(prepared, "transcripts")
    outcome = await (await recovery_of("transcripts")).run()
    different = changed(before, rows(prepared, "transcripts"))
    assert len(outcome.recovered) == len(different) == 3
    assert list(different.values()) == [{"status": "failed"}] * 3
    assert {before[key]["status"] for key in different} == {"processing"}


SPOKEN = """
    INSERT INTO training.roleplay_sessions
        ("userId", "scenarioId", "scenarioTitle", difficulty, messages, score, "xpEarned",
         "createdAt")
    SELECT 1, 'a', 'A', 'PRO', {messages}, 40, 7, now() AT TIME ZONE 'UTC' - interval '{started}'
"""
LAST_WORD = """
    jsonb_build_array(jsonb_build_object('role', 'user', 'timestamp', to_char(
        now() AT TIME ZONE 'UTC' - interval '{said}', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
"""


@pytest.mark.quick("by statements")
async def test_training_ends_at_the_last_message_and_keeps_score_and_messages(
    prepared: EmbeddedDatabase, recovery_of: Recover
) -> None:
    run(
        prepared,
        SPOKEN.format(messages=LAST_WORD.format(said="150 minutes"), started="3 hours"),
        SPOKEN.format(messages=LAST_WORD.format(said="1 minute"), started="5 hours"),
        SPOKEN.format(messages="'[]'", started="121 minutes"),
        SPOKEN.format(messages="'[]'", started="119 minutes"),
    )
    before = rows(prepared, "training")
    outcome = await (await recovery_of("training")).run()
    different = changed(before, rows(prepared, "training"))
    assert {each.session for each in outcome.recovered} == {"1", "3"}
    said = dt.datetime.fromisoformat(before[1]["messages"][-1]["timestamp"])
    assert different == {
        1: {"completedAt": said.replace(tzinfo=None), "duration": 1800},
        3: {"completedAt": before[3]["createdAt"], "duration": 0},
    }


@pytest.mark.quick("by functions-training")
@pytest.mark.parametrize("name", TABLES)
async def test_undo_makes_every_row_what_it_was(
    prepared: EmbeddedDatabase, recovery_of: Recover, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(run_sessions, "PAGE", 5)
    fill(prepared)
    before = rows(prepared, name)
    recovery = await recovery_of(name)
    outcome = await recovery.run()
    assert outcome.recovered
    assert await recovery.undo(outcome) == len(outcome.recovered)
    assert without_version(rows(prepared, name)) == without_version(before)


@pytest.mark.quick("by statements-a constraint")
@pytest.mark.parametrize(
    "protection",
    [
        """
        CREATE FUNCTION coaching.keep() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF OLD.transcript = '"kept"' THEN RAISE EXCEPTION 'this one is kept'; END IF;
                RETURN NEW;
            END $$;
        CREATE TRIGGER keep BEFORE UPDATE ON coaching.roleplay_sessions
            FOR EACH ROW EXECUTE FUNCTION coaching.keep()
        """,
        """
        ALTER TABLE coaching.roleplay_sessions
            ADD CHECK (transcript <> '"kept"' OR status = 'in_progress')
        """,
    ],
    ids=["a trigger", "a constraint"],
)
async def test_a_session_that_the_application_protects_is_set_aside_and_the_others_go_on(
    prepared: EmbeddedDatabase, recovery_of: Recover, protection: str
) -> None:
    ids = [call(prepared, number) for number in range(1, 12)]
    kept = ids[3]
    run(
        prepared,
        f"""UPDATE coaching.roleplay_sessions SET transcript = '"kept"' WHERE id = '{kept}'""",
        protection,
    )
    outcome = await (await recovery_of("coaching")).run()
    assert outcome.refused.keys() == {kept}
    assert {each.session for each in outcome.recovered} == set(ids) - {kept}
    left = [row for row in rows(prepared, "coaching").values() if row["status"] == "in_progress"]
    assert [str(row["id"]) for row in left] == [kept]
    assert audit(prepared).keys() == set(ids) - {kept}
