"""What `check --live` says of recovery, before anything is closed: true both ways."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.check.findings import Finding, Status
from exporter.check.recovery import check_recovery
from exporter.config import Source, load_config
from exporter.demo import history
from exporter.demo.roles import RECOVERY, prepare
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from tests.support.collection import declarations
from tests.support.servers.statements import execute as run

EXAMPLE = Path(__file__).parents[4] / "config.yaml"

SourceOf = Callable[[str], Source]

TABLE = """
    CREATE TYPE state AS ENUM ('open', 'closed');
    CREATE TABLE public.chat (
        id int PRIMARY KEY, state state NOT NULL DEFAULT 'open', started timestamptz,
        ended timestamptz, seconds int, room int, note jsonb, old_note json
    );
"""
CHAT = """\
chat:
  table: {table}
  active: s.state = 'open'
  started_at: started
  id: id
  orphaned_after: 2h
  recovery:
    mode: {mode}
    trust_age: true
    end_at: {end_at}
    set:
      state: {state}
      {more}
"""


@pytest.fixture
def chat(source_of: SourceOf) -> Callable[..., Source]:
    """`chat(state="'gone'")`: a source whose recovery closes rows of public.chat."""

    def chat(
        *,
        more: str = 'ended: "{end}"',
        state: str = "\"'closed'\"",
        table: str = "public.chat",
        end_at: str = "now",
        mode: str = "disabled",
    ) -> Source:
        text = CHAT.format(table=table, mode=mode, end_at=end_at, state=state, more=more)
        return source_of(text)

    return chat


def ready(database: EmbeddedDatabase, *statements: str) -> None:
    run(database, TABLE, *statements)


async def check(
    database: EmbeddedDatabase, source: Source, role: str = "postgres"
) -> dict[str, Finding]:
    settings = declarations.settings_of(database.dsn_for(role))
    return {each.check: each async for each in check_recovery(settings, source)}


async def the_only_failure(database: EmbeddedDatabase, source: Source) -> str:
    found = await check(database, source)
    (failed,) = (each for each in found.values() if each.status is Status.FAILED)
    return failed.message


def example(database: EmbeddedDatabase) -> dict[str, Source]:
    return dict(load_config(EXAMPLE, {"DATABASE_URL": database.dsn}).sources)


@pytest.mark.quick("training")
@pytest.mark.parametrize("name", ["conversations", "coaching", "transcripts", "training"])
async def test_the_example_can_be_recovered_by_the_demos_role(
    any_database: EmbeddedDatabase, name: str
) -> None:
    if name == "training" and any_database.server.major < 16:
        pytest.skip("the example asks pg_input_is_valid(), which PostgreSQL 16 brought")
    run(any_database, "DROP SCHEMA session_exporter CASCADE")  # the demo makes its own
    await prepare(any_database)
    found = await check(any_database, example(any_database)[name], RECOVERY)
    assert {key: each.status for key, each in found.items()} == {
        "recovery rights": Status.OK,
        "recovery path": Status.OK,
        "recovery rule": Status.OK,
        "recovery meets": Status.OK,
        "recovery now": Status.OK,
    }


async def test_it_counts_what_would_be_closed_now(database: EmbeddedDatabase) -> None:
    run(database, "DROP SCHEMA session_exporter CASCADE")  # the demo makes its own
    await prepare(database)
    with database.connect(APP) as connection:
        ((now,),) = connection.execute("SELECT now()").fetchall()
        history.fill(connection, now)
        # How many there are depends on the time of the day.
        ((active, orphaned, backlog, wave),) = connection.execute(
            b"""
            SELECT count(*), count(*) FILTER (WHERE seen < now() - interval '2 hours'),
                count(*) FILTER (WHERE seen < now() - interval '7 days'),
                count(*) FILTER (WHERE seen BETWEEN now() - interval '3 hours'
                    AND now() - interval '2 hours')
            FROM training.roleplay_sessions AS s, greatest("createdAt" AT TIME ZONE 'UTC',
                (messages -> -1 ->> 'timestamp')::timestamptz) AS seen
            WHERE "completedAt" IS NULL
            """
        ).fetchall()
    assert orphaned > 40
    assert backlog
    found = await check(database, example(database)["training"], RECOVERY)
    counted = f"mode disabled; of {active} active sessions {orphaned} are orphaned"
    assert counted in found["recovery now"].message
    assert f"and {orphaned - backlog} would be closed now" in found["recovery now"].message
    # A person judges the wave of now: what became orphaned within half of orphaned_after.
    together = active - orphaned + wave
    if wave > max(3, 0.1 * together):
        assert found["recovery now"].status is Status.WARNING
        assert f"but for a brake: share: {wave} of {together}" in found["recovery now"].message
    else:
        assert found["recovery now"].status is Status.OK


async def test_ends_that_are_still_to_come_are_counted(
    any_database: EmbeddedDatabase, chat: Callable[..., Source]
) -> None:
    ages = ("3 hours", "4 hours", "30 hours", "9 days", "8 days")
    starts = ", ".join(f"({n}, now() - interval '{age}', NULL)" for n, age in enumerate(ages))
    planned = "(9, now() - interval '3 hours', now() + interval '1 day')"  # it is no end yet
    rows = f"INSERT INTO chat (id, started, ended) VALUES {starts}, {planned}"
    ready(any_database, rows)
    for hours, ahead in ((24, 3), (48, 4), (2, 0)):
        end_at = f"s.started + interval '{hours} hours'"
        source = chat(end_at=end_at, table="public.chat\n  ended_at: ended")
        found = (await check(any_database, source)).get("recovery end")
        if ahead:
            assert found is not None
            assert found.status is Status.WARNING
            assert f"{ahead} sessions would get an end in the future" in found.message
        else:
            assert found is None


@pytest.mark.parametrize(
    ("mode", "status"), [("disabled", Status.WARNING), ("auto", Status.FAILED)]
)
async def test_a_role_without_rights_is_told_what_to_grant_and_that_is_enough(
    database: EmbeddedDatabase, chat: Callable[..., Source], mode: str, status: Status
) -> None:
    ready(database, f"GRANT SELECT ON public.chat TO {EXPORTER}")
    source = chat(mode=mode)
    found = (await check(database, source, EXPORTER))["recovery rights"]
    assert found.status is status
    assert (
        found.commands[0] == f'GRANT UPDATE ("state", "ended") ON "public"."chat" TO "{EXPORTER}";'
    )
    run(database, *found.commands)
    found = (await check(database, source, EXPORTER))["recovery rights"]
    assert found.status is Status.OK


async def test_without_the_audit_table_it_says_how_to_get_it(
    database: EmbeddedDatabase, chat: Callable[..., Source]
) -> None:
    run(database, "DROP SCHEMA session_exporter CASCADE", TABLE)
    assert (await check(database, chat()))["recovery audit"].status is Status.WARNING
    assert "`session-exporter sql audit`" in await the_only_failure(database, chat(mode="auto"))


async def test_recovery_is_checked_as_the_role_that_recovers(
    database: EmbeddedDatabase, chat: Callable[..., Source]
) -> None:
    ready(database)
    source = chat()
    recovery = source.recovery.model_copy(update={"dsn": database.dsn})
    found = await check(database, source.model_copy(update={"recovery": recovery}), EXPORTER)
    assert found["recovery rights"].message == "postgres may close sessions"


async def test_roles_that_may_create_in_a_schema_of_the_path_are_named(
    database: EmbeddedDatabase, chat: Callable[..., Source]
) -> None:
    """Not the owner, nor a superuser; nor where the schema is not in the path."""
    ready(database, "CREATE SCHEMA other", "GRANT CREATE ON SCHEMA other TO PUBLIC")
    assert (await check(database, chat()))["recovery path"].status is Status.OK
    run(database, f"GRANT CREATE ON SCHEMA public TO {EXPORTER}")
    found = (await check(database, chat()))["recovery path"]
    assert found.status is Status.WARNING
    assert f'role "{EXPORTER}" may create objects in "public"' in found.message
    run(database, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    found = (await check(database, chat()))["recovery path"]
    assert 'every role may create objects in "public"' in found.message
    run(database, *found.commands, f"REVOKE CREATE ON SCHEMA public FROM {EXPORTER}")
    assert (await check(database, chat()))["recovery path"].status is Status.OK


MISTAKES = {
    "an unknown column": (
        {"more": "endet: now()"},
        "public.chat has no column endet; did you mean ended?",
    ),
    "an expression that fails": (
        {"more": "seconds: s.nothing + 1"},
        "recovery.set.seconds: column s.nothing does not exist",
    ),
    "a type that does not fit": (
        {"more": "seconds: s.started"},
        (
            'recovery.set.seconds: column "seconds" is of type integer but expression is of type '
            "timestamp with time zone"
        ),
    ),
    "a value that the enum does not know": (
        {"state": "\"'gone'\""},
        "; the column is of the enum public.state: is it one of its values?",
    ),
    "json instead of jsonb": (
        {"more": 'ended: "{end}"\n    mark: {column: old_note, merge: {lost: true}}'},
        "recovery.mark.column: expected a column of type jsonb, got json (old_note)",
    ),
    "an end in quotes": (
        {"more": "room: \"'ended {end}'\""},
        "recovery.set.room: {end} is an expression, and in quotes it would be a text",
    ),
    "an end that is no time": ({"end_at": "s.room"}, "recovery.end_at: expected a timestamp"),
    "a column twice, in two spellings": (
        {"more": "State: \"'open'\""},
        "recovery.set: state and State are one column, state; write it once",
    ),
    "a mark in a column that is set, in another spelling": (
        {"more": "note: \"'{}'\"\n    mark: {column: Note, merge: {lost: true}}"},
        (
            "recovery.mark.column: Note and note in recovery.set are one column, note; a column "
            "is written once"
        ),
    ),
    "a view": (
        {"table": "public.chats"},
        'recovery: "public"."chats" is a view; only tables can be recovered',
    ),
}


@pytest.mark.quick(
    "an unknown column",
    "a type that",
    "an end that is no time",
    "a column twice",
    "a mark in a column",
)
@pytest.mark.parametrize(("change", "sentence"), MISTAKES.values(), ids=MISTAKES)
async def test_what_cannot_work_is_a_sentence(
    any_database: EmbeddedDatabase,
    chat: Callable[..., Source],
    change: dict[str, str],
    sentence: str,
) -> None:
    ready(any_database, "CREATE VIEW public.chats AS SELECT * FROM public.chat")
    assert sentence in await the_only_failure(any_database, chat(**change))


async def test_an_expression_that_fails_for_a_session_is_named(
    any_database: EmbeddedDatabase, chat: Callable[..., Source]
) -> None:
    ready(any_database, "INSERT INTO chat (id, started) VALUES (1, now() - interval '3 hours')")
    source = chat(end_at="s.started + interval '1 s' / (s.id - 1)")
    failure = await the_only_failure(any_database, source)
    assert failure.startswith("recovery.end_at, which fails for a session that is orphaned: ")


NOOP = """
    CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
"""
#: What is there, and what is said of it; None: an update by recovery has nothing to do with it.
MET = {
    "a trigger": (
        NOOP + "CREATE TRIGGER touch BEFORE UPDATE ON chat FOR EACH ROW EXECUTE FUNCTION noop()",
        "trigger touch runs for every session that is closed (noop)",
    ),
    "a trigger on a column that is written": (
        NOOP + "CREATE TRIGGER touch AFTER UPDATE OF ended ON chat EXECUTE FUNCTION noop()",
        "trigger touch runs",
    ),
    "a trigger on another column": (
        NOOP + "CREATE TRIGGER touch AFTER UPDATE OF room ON chat EXECUTE FUNCTION noop()",
        None,
    ),
    "a trigger on inserts": (
        NOOP + "CREATE TRIGGER touch AFTER INSERT ON chat EXECUTE FUNCTION noop()",
        None,
    ),
    "a disabled trigger": (
        NOOP + "CREATE TRIGGER touch AFTER UPDATE ON chat EXECUTE FUNCTION noop();"
        "ALTER TABLE chat DISABLE TRIGGER touch",
        None,
    ),
    "a publication": (
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "publication everything sends every session that is closed",
    ),
    "a publication of inserts": (
        "CREATE PUBLICATION news FOR ALL TABLES WITH (publish = 'insert')",
        None,
    ),
    "a table of children": (
        "CREATE TABLE lines (chat int CONSTRAINT of_chat REFERENCES chat)",
        "foreign key of_chat: rows of lines that refer to a session wait while it is locked",
    ),
    "a parent of what is written": (
        (
            "CREATE TABLE ends (at timestamptz PRIMARY KEY);"
            "ALTER TABLE chat ADD CONSTRAINT known FOREIGN KEY (ended) REFERENCES ends"
        ),
        "foreign key known: the written value must exist in ends",
    ),
    "a parent of another column": (
        (
            "CREATE TABLE rooms (id int PRIMARY KEY);"
            "ALTER TABLE chat ADD CONSTRAINT known FOREIGN KEY (room) REFERENCES rooms"
        ),
        None,
    ),
}


@pytest.mark.quick(
    "-a trigger on a column",
    "-a trigger on inserts",
    "-a disabled",
    "-a publication",
    "-a parent of what",
)
@pytest.mark.parametrize(("statements", "sentence"), MET.values(), ids=MET)
async def test_it_tells_what_an_update_meets(
    any_database: EmbeddedDatabase,
    chat: Callable[..., Source],
    statements: str,
    sentence: str | None,
) -> None:
    ready(any_database, statements)
    found = (await check(any_database, chat()))["recovery meets"]
    if sentence is None:
        assert found.status is Status.OK
    else:
        assert found.status is Status.WARNING
        assert sentence in found.message


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (
            (
                "CREATE TABLE log (id int);"
                "CREATE RULE logged AS ON UPDATE TO chat DO ALSO INSERT INTO log VALUES (NEW.id)"
            ),
            "rule logged on chat adds a command to every update",
        ),
        (
            "CREATE RULE frozen AS ON UPDATE TO chat DO INSTEAD NOTHING",
            "rule frozen on chat replaces every update",
        ),
        (
            (
                "CREATE PUBLICATION everything FOR ALL TABLES;"
                "ALTER TABLE chat REPLICA IDENTITY NOTHING"
            ),
            "chat is published and has no replica identity",
        ),
    ],
    ids=["a rule", "a rule instead", "published without an identity"],
)
async def test_what_keeps_every_session_from_being_closed_is_a_cross(
    any_database: EmbeddedDatabase, chat: Callable[..., Source], statements: str, sentence: str
) -> None:
    ready(any_database, statements)
    found = (await check(any_database, chat()))["recovery prevented"]
    assert found.status is Status.FAILED
    assert sentence in found.message


PARTS = """
    CREATE TABLE chat (id int, state text DEFAULT 'open', started timestamptz,
        ended timestamptz, PRIMARY KEY (id, {key})) PARTITION BY LIST ({key});
    CREATE TABLE chat_open PARTITION OF chat {for_open};
    CREATE TABLE chat_closed PARTITION OF chat DEFAULT;
"""
BY_STATE = PARTS.format(key="state", for_open="FOR VALUES IN ('open')")
BY_START = PARTS.format(key="started", for_open="FOR VALUES IN ('2020-01-01')")


@pytest.mark.quick("tables0", "tables1", "tables4", "tables7", "tables8")
@pytest.mark.parametrize(
    ("tables", "event", "sentence"),
    [
        (BY_START, "AFTER UPDATE ON chat_open FOR EACH ROW", "for every session that is closed"),
        (BY_START, "AFTER UPDATE ON chat_open", None),
        (BY_START, "AFTER UPDATE ON chat", "for every session that is closed"),
        (BY_START, "AFTER INSERT ON chat_closed FOR EACH ROW", None),
        (BY_STATE, "AFTER INSERT ON chat_closed FOR EACH ROW", "that closing moves"),
        (BY_STATE, "BEFORE DELETE ON chat_open FOR EACH ROW", "that closing moves"),
        (BY_STATE, "AFTER DELETE ON chat FOR EACH ROW", "that closing moves"),
        (BY_STATE, "AFTER DELETE ON chat_open", None),
        (
            TABLE + "CREATE TABLE child () INHERITS (chat)",
            "AFTER UPDATE ON child FOR EACH ROW",
            "for every session that is closed",
        ),
    ],
)
async def test_the_triggers_of_partitions_and_of_children_are_told_too(
    database: EmbeddedDatabase,
    chat: Callable[..., Source],
    tables: str,
    event: str,
    sentence: str | None,
) -> None:
    trigger = f"CREATE TRIGGER touch {event} EXECUTE FUNCTION noop()"
    run(database, tables, NOOP, trigger)
    found = (await check(database, chat()))["recovery meets"]
    if sentence is None:
        assert found.status is Status.OK
    else:
        assert "trigger touch runs for every session" in (found.message)
        assert sentence in found.message
