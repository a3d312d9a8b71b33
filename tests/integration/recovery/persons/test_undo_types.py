"""What closing wrote is undone for every type, and after the table was altered or restored.

Closing sets each column to the value of another one of its type.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows
from tests.support.servers.versions import SYSTEM_BINARIES

OWN_TYPES = """
CREATE TYPE public.pair AS (first int, second text);
CREATE TYPE public.level AS ENUM ('low', 'it''s "high", {or} not');
CREATE DOMAIN public.score AS numeric(6, 2) CHECK (VALUE >= 0);
CREATE DOMAIN public.settings AS jsonb;
CREATE DOMAIN public.pairs AS public.pair;
CREATE DOMAIN public.scores AS int[];
-- A type whose JSON is of another form, as that of hstore is.
CREATE TYPE public.tone AS ENUM ('warm', 'cold');
CREATE FUNCTION public.tone_json(public.tone) RETURNS json LANGUAGE sql
    RETURN pg_catalog.json_build_object('tone', 1);
CREATE CAST (public.tone AS json) WITH FUNCTION public.tone_json(public.tone);
CREATE FUNCTION public.pair_text(public.pair) RETURNS text LANGUAGE sql RETURN 'a pair';
CREATE CAST (public.pair AS text) WITH FUNCTION public.pair_text(public.pair);
"""

#: A value of each type, and the one that closing writes.
TYPES = {
    "boolean": ("true", "false"),
    "smallint": ("-7", "0"),
    "bigint": ("9223372036854775807", "-1"),
    "numeric": ("1.50", "'NaN'"),
    "numeric(6,2)": ("0.10", "9999.99"),
    "real": ("0.1", "'-0'"),
    "double precision": ("'-0'", "0.1234567890123456789"),
    "money": ("'$1,234.56'", "'-$0.01'"),
    "text": ("''", "NULL"),
    "varchar(9)": ("NULL", "''"),
    "character(4)": ("'ab'", "'c'"),
    '"char"': ("'x'", "'y'"),
    "name": ("'a name'", "'b'"),
    "bytea": (r"'\x00ff5c'", "''"),
    "date": ("'-infinity'", "'0044-03-15 BC'"),
    "time": ("'24:00'", "'04:05:06.789'"),
    "timetz": ("'04:05:06-08'", "'04:05:06+02'"),
    "timestamp": ("'2024-10-27 02:30:00.000001'", "'infinity'"),
    "timestamptz": ("'2024-10-27 02:30:00.000001+02'", "'2024-10-27 02:30:00.000001+01'"),
    "interval": ("'-1 mon +2 days -03:04:05.6'", "'1 year'"),
    "uuid": ("'9f3c5d0e-0000-4000-8000-0000000000aa'", "NULL"),
    "json": ("""'{"b": 1,  "a": [null, "x"], "a": 2}'""", "'null'"),
    "jsonb": ("""'"a \\"text\\""'""", """'{"a": 1.50}'"""),
    "jsonb[]": ("ARRAY['null', NULL, '[1]']::jsonb[]", "'{}'"),
    "text[]": ("""'{"a,b", NULL, "NULL", "", "\\"{}"}'""", "NULL"),
    "int[]": ("'[0:1][2:3]={{1,2},{3,NULL}}'", "'{}'"),
    "box[]": ("'{(1,2),(0,0);(3,4),(1,1)}'", "'{}'"),
    "int4range": ("'[1,5)'", "'empty'"),
    "tstzrange": ("'[2024-01-01 00:00+00,)'", "'(,)'"),
    "nummultirange": ("'{[1.0,2.0], [3,4)}'", "'{}'"),
    "point": ("'(1e-300,-0)'", "'(0,0)'"),
    "path": ("'[(0,0),(1,1)]'", "'((0,0),(1,1))'"),
    "polygon": ("'((0,0),(1,1),(2,0))'", "NULL"),
    "circle": ("'<(1,2),3>'", "'<(0,0),0>'"),
    "line": ("'{1,-1,0}'", "'{0,1,2}'"),
    "inet": ("'192.168.0.1/24'", "'::1'"),
    "cidr": ("'10.0.0.0/8'", "NULL"),
    "macaddr": ("'08:00:2b:01:02:03'", "NULL"),
    "bit(3)": ("B'101'", "B'000'"),
    "bit varying": ("B'1'", "B''"),
    "tsvector": ("'a:1B ''b c'':2'", "''"),
    "tsquery": ("'a & !''b c'':*'", "''"),
    "xml": ("'a <b>&amp;</b>'", "'<c/>'"),
    "jsonpath": ("'$.a ? (@ > 1)'", "'$'"),
    "public.pair": ("""'(1,"a ,\\\\ (b)")'""", "'(,)'"),
    "public.pairs": ("'(,)'", "NULL"),
    "public.level": ("""'it''s "high", {or} not'""", "'low'"),
    "public.score": ("1.50", "NULL"),
    "public.scores": ("'{1,NULL}'", "'{2}'"),
    "public.settings": ("""'"text"'""", """'{"a": null}'"""),
    "public.tone": ("'warm'", "'cold'"),
    "public.pair[]": ("""'{"(1,a)",NULL}'""", "'{}'"),
}

#: Types of extensions, where a server has them: some have casts to json and to text of their own.
EXTENSIONS = {
    "hstore": {"public.hstore": ("""'a=>"1,\\"", "b c"=>NULL'""", "''")},
    "citext": {"public.citext": ("'A b'", "'a B'")},
    "ltree": {"public.ltree": ("'Top.Science'", "NULL"), "public.lquery": ("'*.a{1,}'", "'a|b'")},
    "cube": {"public.cube": ("'(0.1,-0),(2,3)'", "'(0)'")},
    "isn": {"public.isbn": ("'978-0-393-04002-9'", "NULL")},
    "postgis": {
        "public.geometry": ("'SRID=4326;POINT Z (1e-300 -0 3)'", "'POLYGON EMPTY'"),
        "public.geometry(Point,4326)": ("'SRID=4326;POINT(0.1 -0)'", "NULL"),
        "public.geography": ("'LINESTRING(0.1 51.5, -0.1 48.9)'", "'POINT(180 -90)'"),
        "public.box2d": ("'BOX(0.1 -0, 1 2)'", "NULL"),
    },
}

#: Under these, texts are others, or have fewer digits.
SETTINGS = (
    "DateStyle = German",
    "IntervalStyle = sql_standard",
    "extra_float_digits = -5",
    "bytea_output = escape",
)

Command = Callable[..., str]


def table_of(types: Sequence[str], known: Mapping[str, tuple[str, str]] = TYPES) -> str:
    """A table with a value and another one of each type, and one orphaned session."""
    columns = ", ".join(f"v{n} {type_}, o{n} {type_}" for n, type_ in enumerate(types))
    values = ", ".join(", ".join(known[each]) for each in types)
    return (
        f"CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, at timestamptz, {columns});"
        f"INSERT INTO public.chat VALUES (1, true, now() - interval '2 hours', {values})"
    )


def available(database: EmbeddedDatabase) -> dict[str, tuple[str, str]]:
    """The types of this server, with two values: without libxml there is no xml."""
    types = dict(TYPES)
    if not rows(database, "SELECT FROM pg_config WHERE setting LIKE '%with-libxml%'"):
        del types["xml"]
    for name, own in EXTENSIONS.items():
        if rows(database, f"SELECT FROM pg_available_extensions WHERE name = '{name}'"):
            execute(database, f"CREATE EXTENSION {name} SCHEMA public")
            types |= own
    is_complete = database.server.binaries == SYSTEM_BINARIES and "CI" in os.environ
    assert "public.geometry" in types or not is_complete, "CI has PostGIS: see .ci/run"
    return types


def values_in(database: EmbeddedDatabase, count: int) -> list[tuple[Any, ...]]:
    texts = ", ".join(f"v{n} IS DISTINCT FROM NULL, format('%s', v{n})" for n in range(count))
    return rows(database, f"SELECT is_open, {texts} FROM public.chat ORDER BY id")


@pytest.fixture
def command(any_database: EmbeddedDatabase, tmp_path: Path) -> Command:
    """`command(count, "recover", …)`: a command on a source that writes so many columns."""

    def command(count: int, *arguments: str, exits: int = 0, dsn: str = "") -> str:
        source = {
            "table": "public.chat",
            "active": "is_open",
            "started_at": "at",
            "last_seen_at": "at",
            "id": "id",
            "orphaned_after": "1h",
            "recovery": {
                "set": {"is_open": "false"} | {f"v{n}": f"s.o{n}" for n in range(count)},
                "pause": "1ms",
            },
        }
        database = {"app": {"dsn": dsn or any_database.dsn}}
        config = write_config(tmp_path, database, {"chat": source})
        done = run(*arguments, "-c", config, folder=tmp_path)
        assert done.returncode == exits, done.stdout + done.stderr
        return done.stdout + done.stderr

    return command


def recovered(command: Command, count: int) -> str:
    """Close what is orphaned; give the run."""
    found = re.search(
        r"run ([0-9a-f-]{36})", command(count, "recover", "chat", "--yes", "--despite-brake")
    )
    assert found is not None
    return found[1]


@pytest.mark.quick("-0")
@pytest.mark.parametrize("half", [0, 1])
def test_every_type_is_restored(
    any_database: EmbeddedDatabase, command: Command, half: int
) -> None:
    known = available(any_database)
    types = [*known][half::2]
    execute(any_database, OWN_TYPES, table_of(types, known))
    before = values_in(any_database, len(types))
    altered = f'ALTER DATABASE "{any_database.name}"'
    # What a database has set when a session is closed, and other settings when it is undone.
    execute(any_database, *(f"{altered} SET {each}" for each in SETTINGS))
    run_id = recovered(command, len(types))
    execute(any_database, f"{altered} RESET ALL")
    after = values_in(any_database, len(types))
    texts = zip(types, before[0][2::2], after[0][2::2], strict=True)
    kept = {type_ for type_, was, became in texts if was == became}
    assert kept <= {"text", "varchar(9)"}, "NULL and the empty text look alike"
    assert "  1 was undone" in command(len(types), "undo", run_id, "--yes")
    assert values_in(any_database, len(types)) == before


ALTERED = {
    "VACUUM FULL": "VACUUM FULL public.chat",
    "rewritten by a default": "ALTER TABLE public.chat ADD rolled float8 DEFAULT random()",
    "other types": "ALTER TABLE public.chat ALTER v0 TYPE bigint, ALTER v1 TYPE numeric(12, 4),"
    " ALTER v2 TYPE varchar(40), ALTER v3 TYPE timestamptz USING v3 AT TIME ZONE 'UTC'",
    "renamed schema of a type": "CREATE SCHEMA kept; ALTER TYPE public.level SET SCHEMA kept",
}


@pytest.mark.quick("VACUUM")
@pytest.mark.parametrize("change", ALTERED)
def test_a_table_that_was_altered_since_is_undone(
    any_database: EmbeddedDatabase, command: Command, change: str
) -> None:
    types = ["smallint", "numeric(6,2)", "text", "timestamp", "public.level"]
    execute(any_database, OWN_TYPES, table_of(types))
    before = values_in(any_database, 1)
    run_id = recovered(command, len(types))
    execute(any_database, *ALTERED[change].split("; "))
    assert "  1 was undone" in command(len(types), "undo", run_id, "--yes")
    assert values_in(any_database, 1) == before
    assert rows(any_database, "SELECT v1 = 0.10, v2 = '', v4 FROM public.chat") == [
        (True, True, 'it\'s "high", {or} not')
    ]


def test_a_value_that_was_written_since_stays_and_other_columns_do_not_matter(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(
        any_database,
        OWN_TYPES,
        table_of(["text"]),
        "INSERT INTO public.chat SELECT n, true, at, v0, o0 FROM public.chat,"
        " generate_series(2, 3) AS n",
    )
    run_id = recovered(command, 1)
    execute(
        any_database,
        "UPDATE public.chat SET v0 = '' WHERE id = 1",
        "UPDATE public.chat SET at = now(), o0 = 'seen' WHERE id = 2",
    )
    printed = command(1, "undo", run_id, "--yes")
    assert "1 is left alone: what was written was changed since" in printed
    assert "  2 were undone" in printed
    assert rows(any_database, "SELECT id FROM public.chat WHERE is_open ORDER BY 1") == [(2,), (3,)]


@pytest.mark.slow
def test_a_database_that_was_dumped_and_restored_is_undone(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    types = ["text", "jsonb", "timestamptz", "public.pair", "double precision"]
    execute(any_database, OWN_TYPES, table_of(types))
    before = values_in(any_database, len(types))
    run_id = recovered(command, len(types))
    program = any_database.server.binaries / "pg_dump"
    dumped = subprocess.run(
        [program, "--clean", "--if-exists", "-d", any_database.dsn],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    psql = any_database.server.binaries / "psql"
    subprocess.run(
        [psql, "-q", "-d", any_database.dsn, "-f", "-"],
        input=dumped,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "  1 was undone" in command(len(types), "undo", run_id, "--yes")
    assert values_in(any_database, len(types)) == before


@pytest.mark.slow
def test_a_type_that_does_not_have_what_was_written_is_a_sentence(
    any_database: EmbeddedDatabase, command: Command
) -> None:
    execute(any_database, table_of(["name"]))
    run_id = recovered(command, 1)
    execute(
        any_database,
        "ALTER TABLE public.chat ALTER v0 TYPE int USING 0, ALTER o0 TYPE int USING 0",
    )
    printed = command(1, "undo", run_id, "--yes", exits=1)
    assert 'does not fit the types that is_open, v0 of "public"."chat" have now' in printed
