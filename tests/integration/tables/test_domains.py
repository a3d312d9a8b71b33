"""A domain is read, listed, indexed, closed and undone as the type that it is made of."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

#: Each type, and a domain over it: one over another domain, one with a check.
TYPES = {
    "moment": "timestamptz",
    "local": "timestamp",
    "count": "bigint",
    "small": "integer",
    "yes": "boolean",
    "amount": "numeric(8, 2)",
    "length": "double precision",
    "word": "text",
    "short": "varchar(9)",
    "fixed": "char(4)",
    "ident": "uuid",
    "state": "public.kind",
    "notes": "jsonb",
}

#: Those that are never NULL.
NEVER_NULL = {"sure": "boolean", "key": "uuid", "begun": "timestamptz", "number": "bigint"}

TABLE = """
CREATE TABLE {schema}.it (
    ident {key} NOT NULL,
    part {number} NOT NULL,
    fixed {fixed} NOT NULL,
    is_kept {yes} DEFAULT true,
    is_open {sure} NOT NULL DEFAULT true,
    is_odd {yes} DEFAULT false,
    is_vip {yes} DEFAULT false,
    lives {yes} DEFAULT false,
    started {begun} NOT NULL,
    seen {moment},
    ended {moment},
    started_local {local},
    ended_local {local},
    started_ms {count},
    seen_s {small},
    ended_ms {count},
    started_amount {amount},
    length {length},
    amount {amount},
    word {word},
    short {short},
    state {state},
    other {ident},
    notes {notes},
    node {word},
    PRIMARY KEY (ident),
    UNIQUE (part, fixed)
)
"""

ROWS = """
INSERT INTO {schema}.it (
    ident, part, fixed, started, seen, started_local, started_ms, seen_s, is_odd, is_vip, lives,
    state, word, node, notes, length, is_kept, amount
)
SELECT
    ('9f3c5d0e-0000-4000-8000-0000000000' || to_char(n, 'FM00'))::uuid, n % 3, 'f' || n / 3,
    t, greatest(t, '{now}'::timestamptz - CASE WHEN n < 6 THEN interval '2 hours'
        ELSE interval '10 minutes' END),
    (t AT TIME ZONE 'Europe/Berlin'), extract(epoch FROM t) * 1000,
    extract(epoch FROM '{now}'::timestamptz - interval '2 hours'),
    n = 7, n = 1, n = 2, CASE n % 2 WHEN 0 THEN 'easy' ELSE 'hard' END::public.kind,
    'word ' || n, 'n' || n % 2, '{{"a": 1}}', 1.5, n <> 11, n
FROM generate_series(1, 12) AS n, LATERAL (
    SELECT '{now}'::timestamptz - interval '5 hours' - n * interval '1 minute' AS t
) AS x
"""

SOURCE: dict[str, Any] = {
    "where": "is_kept",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "ended_at": "ended",
    "duration": "length",
    "id": "ident",
    "orphaned_after": "1h",
    "overlong_after": "4h",
    "labels": {
        "state": {"value": "state", "values": ["easy", "hard"]},
        "vip": {"value": "is_vip", "values": ["true", "false"]},
        "part": {"value": "part", "values": ["0", "1"]},
        "other": {"value": "fixed", "values": ["f0", "f1"]},
    },
    "integrity": {"odd": "is_odd"},
    "max_series": 5000,
    "owner": "node",
    "show": ["word", "amount", "state", "notes", "fixed", "is_vip"],
    "recovery": {
        "set": {
            "is_open": "false",
            "ended": "{end}",
            "length": "extract(epoch FROM {end} - s.started)",
            "amount": "s.amount + 1",
            "part": "s.part",
            "word": "'ended ' || {end}",
            "short": "'ended'",
            "state": "'done'",
            "other": "s.ident",
        },
        "mark": {"column": "notes", "merge": {"closed": True}},
        "evidence": "lives",
        "exempt": "is_vip",
        "returning": ["word", "state"],
        "end_at": "s.seen",
        "max_age": "30d",
    },
}

NUMBERS: dict[str, Any] = SOURCE | {
    "started_at": {"column": "started_ms", "epoch": "ms"},
    "last_seen_at": {"column": "seen_s", "epoch": "s"},
    "ended_at": {"column": "ended_ms", "epoch": "ms"},
    "id": ["part", "fixed"],
    "recovery": {"set": {"is_open": "false", "ended_ms": "{end}", "length": "1"}},
}

NAIVE: dict[str, Any] = SOURCE | {
    "started_at": "started_local",
    "last_seen_at": None,
    "overlong_after": None,
    "ended_at": "ended_local",
    "timestamps_in": "Europe/Berlin",
    "recovery": {"set": {"is_open": "false", "ended_local": "{end}"}, "end_at": "now"},
}

SOURCES = {"times": SOURCE, "numbers": NUMBERS, "naive": NAIVE}

#: The same table with plain types, and with domains.
SCHEMAS = ("plain", "domains")

Both = Callable[..., tuple[str, str]]
Command = Callable[..., str]


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture(params=SOURCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def command(any_database: EmbeddedDatabase, tmp_path: Path, name: str) -> Command:
    """`command("domains", "once")`: what it prints of the table in that schema."""
    ((now,),) = rows(any_database, "SELECT now()::text")
    execute(any_database, "CREATE TYPE public.kind AS ENUM ('easy', 'hard', 'done')")
    execute(
        any_database,
        "CREATE SCHEMA plain",
        "CREATE SCHEMA domains",
        *(f"CREATE DOMAIN domains.of_{each} AS {base}" for each, base in TYPES.items()),
        *(
            f"CREATE DOMAIN domains.{each} AS domains.of_{each} CHECK (length(VALUE::text) < 99)"
            for each in TYPES
        ),
        *(f"CREATE DOMAIN domains.{each} AS {base} NOT NULL" for each, base in NEVER_NULL.items()),
    )
    plain = TYPES | NEVER_NULL
    domains = {each: f"domains.{each}" for each in plain}
    for schema, types in zip(SCHEMAS, (plain, domains), strict=True):
        execute(
            any_database,
            TABLE.format(schema=schema, **types),
            ROWS.format(schema=schema, now=now),
        )

    def commanded(schema: str, *arguments: str, exits: int = 0) -> str:
        source = SOURCES[name] | {"table": f"{schema}.it"}
        config = write_config(tmp_path, {"app": {"dsn": any_database.dsn}}, {"it": source})
        done = run(*arguments, "-c", config, folder=tmp_path)
        assert done.returncode == exits, done.stdout + done.stderr
        return done.stdout + done.stderr

    return commanded


@pytest.fixture
def both(command: Command) -> Both:
    """`both("once")`: what a command prints of the one table, and of the other."""

    def both(*arguments: str, exits: int = 0) -> tuple[str, str]:
        plain, domains = (
            normal(command(schema, *arguments, exits=exits), schema) for schema in SCHEMAS
        )
        return plain, domains

    return both


USAGE_OF_ENUM = 'GRANT USAGE ON SCHEMA "public" TO session_exporter_recovery;\n'


def normal(text: str, schema: str) -> str:
    """What is printed, without what is another at each time."""
    text = re.sub(rf"\b{schema}\b", "a schema", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}(-[0-9a-f]{4}){2,}[0-9a-f]*", "a run", text)
    text = re.sub(r"config-\d+", "a config", text)
    text = re.sub(r"\d\d:\d\d:\d\d(\.\d+)?", "a time", text)
    text = re.sub(r"\b\d+[hm] \d+[ms]\b", "a while", text)
    text = re.sub(r"\d+(\.\d+)? m?s\b", "seconds", text)
    text = re.sub(r"\b\d+ blocks", "blocks", text)
    text = re.sub(r"\babout \d+ rows", "rows", text)  # of what the planner takes a row to hold
    return re.sub(r"  +", "  ", text)


@pytest.mark.quick("pg18-times")
def test_it_is_counted_listed_and_checked_as_its_type(both: Both) -> None:
    for arguments in ("once",), ("orphans",), ("sql", "index", "it"):
        plain, domains = both(*arguments)
        assert domains == plain
    plain, domains = both("sql", "role")
    # An enum of another schema, which closing names: the domain over it is in that of the table.
    assert domains == plain.replace(USAGE_OF_ENUM, "")
    plain, domains = both("check", "--live", "--all")
    assert domains.splitlines() == plain.splitlines()


@pytest.mark.quick("pg18-times")
def test_it_is_closed_and_undone_as_its_type(
    any_database: EmbeddedDatabase, command: Command, both: Both
) -> None:
    before = [table_of(any_database, schema) for schema in SCHEMAS]
    assert before[0] == before[1]
    plain, domains = both("recover", "it", "--yes", "--despite-brake")
    assert domains == plain
    audited = [audit_of(any_database, schema) for schema in SCHEMAS]
    assert audited[0] == audited[1] != []
    for schema in SCHEMAS:
        ((run_id,),) = rows(
            any_database,
            "SELECT DISTINCT run::text FROM session_exporter.recovery"
            f' WHERE relation = \'"{schema}"."it"\'',
        )
        assert "were undone" in command(schema, "undo", run_id, "--yes")
    assert [table_of(any_database, schema) for schema in SCHEMAS] == before


@pytest.mark.quick("pg18-times")
def test_printed_functions_close_and_undo_it_as_its_type(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    require_role(any_database.server, RECOVERY_ROLE)
    before, found = [table_of(any_database, schema) for schema in SCHEMAS], []
    for schema in SCHEMAS:
        execute(any_database, command(schema, "sql", "function", "it"))
        called = f"SELECT session_id::text FROM {schema}.recover_stuck_it()"
        found.append(rows(any_database, called))
        execute(
            any_database,
            "SELECT session_exporter.maintain_it(task) FROM unnest(ARRAY['contradicted', 'old'])"
            " AS t (task)",
            "SELECT session_exporter.undo_it(ARRAY(SELECT number FROM session_exporter.recovery))",
        )
    assert found[0] == found[1] != []
    assert [table_of(any_database, schema) for schema in SCHEMAS] == before


def table_of(database: EmbeddedDatabase, schema: str) -> list[tuple[Any, ...]]:
    return rows(database, f"SELECT t::text FROM {schema}.it AS t ORDER BY 1")


def audit_of(database: EmbeddedDatabase, schema: str) -> list[tuple[Any, ...]]:
    """What was written; of each value no more than is the same a moment later."""
    return rows(
        database,
        "SELECT session, before, jsonb_object_agg(key, left(value, 10))"
        " FROM session_exporter.recovery, jsonb_each_text(after)"
        f' WHERE relation = \'"{schema}"."it"\' GROUP BY 1, 2 ORDER BY 1',
    )


def test_a_session_whose_new_value_a_domain_refuses_is_set_aside(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        any_database,
        "CREATE DOMAIN public.score AS int CHECK (VALUE < 3)",
        "CREATE TABLE public.it (id public.score PRIMARY KEY, is_open bool DEFAULT true,"
        " seen timestamptz DEFAULT now() - interval '2 hours', score public.score)",
        "INSERT INTO public.it SELECT generate_series(0, 2)",
    )
    source = {
        "table": "public.it",
        "active": "is_open",
        "started_at": "seen",
        "last_seen_at": "seen",
        "id": "id",
        "orphaned_after": "1h",
        "recovery": {"set": {"is_open": "false", "score": "s.id + 1"}, "pause": "1ms"},
    }
    config = write_config(tmp_path, {"app": {"dsn": any_database.dsn}}, {"it": source})
    done = run("recover", "it", "--yes", "--despite-brake", "-c", config, folder=tmp_path)
    assert "  2 were closed" in done.stdout
    assert "session 2 was set aside" in done.stdout
    assert rows(any_database, "SELECT id FROM public.it WHERE is_open") == [(2,)]
