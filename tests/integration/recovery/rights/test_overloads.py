"""Functions, operators and types of another role in the search path: no statement of ours uses one.

The role of recovery has the right to write, and a printed function that of its owner: an overload
would run with it.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.recovery.webhook.outbox import Outbox
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.recovery.automatic.runner import runners
from tests.support.recovery.webhooks import writer_of
from tests.support.servers.overloads import SCHEMA, ResolvedNames, attack
from tests.support.servers.statements import execute, rows

#: Types of the application: values of these have no operator of their own in pg_catalog.
TABLES = """
    CREATE DOMAIN public.chat_name AS varchar;
    CREATE DOMAIN public.moment AS timestamptz;
    CREATE DOMAIN public.span AS interval;
    CREATE TYPE public.node AS ENUM ('a', 'b');
    CREATE TABLE public.chats (
        id public.chat_name PRIMARY KEY, is_open bool NOT NULL DEFAULT true,
        started public.moment DEFAULT now() - interval '3 hours', seen public.moment,
        ended public.moment, seconds float8, millis int8 DEFAULT 1e12, level varchar,
        node public.node DEFAULT 'a', notes jsonb, patience public.span DEFAULT '2 hours'
    );
    CREATE INDEX ON public.chats (started) WHERE is_open;
    CREATE INDEX ON public.chats (started);
    CREATE FUNCTION public.is_protected(public.chat_name) RETURNS bool LANGUAGE sql
        RETURN $1 OPERATOR(pg_catalog.=) 'kept';
    INSERT INTO public.chats (id, started)
        SELECT n, now() - interval '3 hours' FROM generate_series(1, 4) AS n;
    INSERT INTO public.chats (id, started, seen) VALUES
        ('kept', now() - interval '3 hours', NULL), ('old', now() - interval '9 days', NULL),
        ('new', now() - interval '3 hours', now());
"""
OWN_TYPES = (
    "public.chat_name",
    "public.chat_name[]",
    "public.moment",
    "public.node",
    "public.span",
)
OWN_ARRAYS = ("public.node[]",)
#: What may be found outside of pg_catalog besides the schema session_exporter.
ALLOWED = {
    "public.is_protected(public.chat_name)",
    "public.recover_stuck_chats(integer)",
    *OWN_TYPES,
    *OWN_ARRAYS,
}

CHATS: dict[str, Any] = {
    "table": "public.chats",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "ended_at": "ended",
    "duration": "seconds",
    "id": "id",
    "orphaned_after": "2h",
    "overlong_after": "5h",
    "alert_above": 5,
    "labels": {"level": {"value": "level", "values": ["easy", "hard"]}},
    "integrity": {"without_node": "node IS NULL"},
    "show": ["node"],
    "owner": "node",
}
RECOVERY: dict[str, Any] = {
    "set": {"is_open": "false", "ended": "{end}"},
    "mark": {"column": "notes", "merge": {"closed_by": "recovery"}},
    "returning": ["node"],
    "exempt": "is_protected(s.id)",
    "evidence": "s.node IS NULL",
    "notify": "recovered",
    "pause": "1ms",
}
#: The same rows, whose times are numbers, timestamps without a zone, and of no other column.
OFF = {"overlong_after": None}
NUMBERS = {"started_at": {"column": "millis", "epoch": "ms"}, "last_seen_at": None, **OFF}
NAIVE = {
    "started_at": "s.started AT TIME ZONE 'UTC'",
    "timestamps_in": "Europe/Berlin",
    "last_seen_at": None,
    **OFF,
}
#: Each row has a threshold of its own.
OWN = {"orphaned_after": {"sql": "patience"}}

Command = Callable[..., str]


@pytest.fixture
def attacked(any_database: EmbeddedDatabase) -> ResolvedNames:
    """The tables and the audit are there, and every overload."""
    execute(any_database, TABLES)
    attack(any_database, *OWN_TYPES)
    return ResolvedNames(any_database)


@pytest.fixture(params=["id", ["id", "node"]], ids=["one column", "two columns"])
def command(
    any_database: EmbeddedDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> Command:
    """`command("recover", "chats", "--yes", call=…)` gives what it printed."""

    def command(*arguments: str, exits: int = 0, **recovery: Any) -> str:
        declared = {**CHATS, "id": request.param, "recovery": {**RECOVERY, **recovery}}
        sources = {"chats": declared, "numbers": CHATS | NUMBERS, "naive": CHATS | NAIVE}
        sources["own"] = declared | OWN
        config = write_config(tmp_path, {"app": {"dsn": any_database.dsn}}, sources)
        done: subprocess.CompletedProcess[str] = run(
            *arguments, "--config.file", str(config), folder=tmp_path
        )
        assert done.returncode == exits, done.stdout + done.stderr
        return done.stdout + done.stderr

    return command


def outside(resolved: ResolvedNames) -> set[str]:
    found = set(resolved.outside()) - ALLOWED
    return {each for each in found if not each.startswith("session_exporter.")}


def crosses(checked: str) -> set[str]:
    """The names of the findings of `check --live` that are problems."""
    return set(re.findall(r"^  ✗ ([^:]+):", checked, re.MULTILINE))


def open_chats(database: EmbeddedDatabase) -> set[str]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.chats WHERE is_open")}


def test_an_overload_of_a_schema_in_the_path_is_found_without_qualification(
    any_database: EmbeddedDatabase, attacked: ResolvedNames
) -> None:
    """The test would see one."""
    execute(
        any_database, "SET search_path = public", "SELECT 1::int8 OPERATOR(evil.+) 1::int8 LIMIT 0"
    )
    assert outside(attacked)


def test_collecting_listing_and_checking_use_nothing_of_others(
    attacked: ResolvedNames, command: Command
) -> None:
    for arguments in (
        ("once",),
        ("orphans", "naive"),
        ("orphans", "numbers"),
        ("sql", "index", "chats"),
    ):
        command(*arguments)
    assert crosses(command("check", "--live")) == set()
    assert outside(attacked) == set()


def test_recovering_by_statements_uses_nothing_of_others(
    any_database: EmbeddedDatabase, attacked: ResolvedNames, command: Command
) -> None:
    command("recover", "chats", "--yes")
    assert outside(attacked) == set()
    assert open_chats(any_database) == {"kept", "new", "old"}
    ((run_id,),) = rows(
        any_database, "SELECT DISTINCT run::pg_catalog.text FROM session_exporter.recovery"
    )
    command("undo", run_id[:9], "--yes")
    assert open_chats(any_database) == {"1", "2", "3", "4", "kept", "new", "old"}
    for arguments in (
        ("runs", "chats"),
        ("pause", "chats"),
        ("resume", "chats"),
        ("close", "chats", "--owner", "a", "--yes"),
    ):
        command(*arguments)
    assert outside(attacked) == set()
    assert open_chats(any_database) == {"kept"}


@pytest.mark.parametrize("by_functions", [False, True], ids=["by statements", "by functions"])
def test_thresholds_of_the_rows_use_nothing_of_others(
    any_database: EmbeddedDatabase, attacked: ResolvedNames, command: Command, *, by_functions: bool
) -> None:
    recovery = {}
    if by_functions:
        require_role(any_database.server, RECOVERY_ROLE)
        printed = command("sql", "function", "own").replace(
            "recover_stuck_own", "recover_stuck_chats"
        )
        execute(any_database, f"SET search_path = {SCHEMA}, public", printed)
        recovery = {"call": "session_exporter.recover_own"}
    command("orphans", "own")
    command("recover", "own", "--yes", **recovery)
    assert open_chats(any_database) == {"kept", "new", "old"}
    if by_functions:
        execute(any_database, "SELECT public.recover_stuck_chats()")
        assert open_chats(any_database) == {"kept", "new"}
    assert outside(attacked) == set()


def test_recovering_by_function_uses_nothing_of_others(
    any_database: EmbeddedDatabase, attacked: ResolvedNames, command: Command
) -> None:
    require_role(any_database.server, RECOVERY_ROLE)
    path = f"SET search_path = {SCHEMA}, public"
    execute(any_database, path, command("sql", "function", "chats"))
    call = "session_exporter.recover_chats"
    command("recover", "chats", "--yes", call=call)
    assert outside(attacked) == set()
    ((run_id,),) = rows(
        any_database, "SELECT DISTINCT run::pg_catalog.text FROM session_exporter.recovery"
    )
    command("undo", run_id, "--yes", call=call)
    execute(
        any_database,
        path,
        "SELECT public.recover_stuck_chats()",
        *(
            f"SELECT session_exporter.maintain_chats('{task}')"
            for task in ("contradicted", "alive", "old")
        ),
    )
    assert outside(attacked) == set()
    # But for what was undone.
    assert open_chats(any_database) == {"1", "2", "3", "4", "kept", "new"}


@pytest.mark.quick("by functions-one", "by functions-two")
@pytest.mark.parametrize("id_", ["id", ["id", "room"]], ids=["one column", "two columns"])
@pytest.mark.parametrize("by_functions", [False, True], ids=["by statements", "by functions"])
async def test_recovering_automatically_uses_nothing_of_others(
    any_database: EmbeddedDatabase, tmp_path: Path, id_: object, *, by_functions: bool
) -> None:
    recover = runners(any_database, tmp_path, by_functions=by_functions)
    execute(
        any_database,
        "INSERT INTO public.chat (id, started, seen) SELECT n, now() - interval '1 day',"
        " now() - CASE WHEN n < 3 THEN interval '2 hours' ELSE interval '5 minutes' END"
        " FROM generate_series(1, 5) AS n",
        "ALTER TABLE public.chat ADD room varchar DEFAULT 'a', DROP CONSTRAINT chat_pkey,"
        " ADD PRIMARY KEY (id, room), ADD UNIQUE (id)",
    )
    evidence = "s.ended IS NOT NULL"
    (tmp_path / "secret").write_text("secret")
    url = {"url": "http://127.0.0.1:1/", "secret_file": "secret"}
    async with recover({"id": id_}, evidence=evidence, notify="recovered", webhook=url) as runner:
        attack(any_database)
        resolved = ResolvedNames(any_database)
        state = await runner.run(3)
        assert state.recovered["auto"] == 2
        source = runner._recovery._source
        writer = writer_of(any_database, source)
        outbox = Outbox(writer, "chat", "app", lease=30.5)
        try:
            first, second = await outbox.claim(5)
            await outbox.mark_delivered(first)
            await outbox.schedule_retry(second, 1.5)
        finally:
            await writer.close()
    assert outside(resolved) == set()
