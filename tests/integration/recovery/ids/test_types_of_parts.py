"""What is closed by an id of several columns is undone, whatever types these have."""

import json
import re
from collections.abc import Callable

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.servers.statements import execute, rows

Command = Callable[..., str]

OWN_TYPES = """
CREATE TYPE public.level AS ENUM ('low', 'it''s "high", {or} not');
CREATE DOMAIN public.code AS text CHECK (VALUE <> '');
CREATE DOMAIN public.badge AS char(5);
CREATE DOMAIN public.score AS numeric(6, 2) CHECK (VALUE >= 0);
CREATE DOMAIN public.moment AS timestamptz;
CREATE DOMAIN public.of_code AS public.code;
CREATE DOMAIN public.path AS text[];
"""

#: Two values of each type, and the first one as the audit has it.
TYPES = {
    "text": ("'a \"b\", [c] é\\ '", "''", 'a "b", [c] é\\ '),
    "varchar(5)": ("'a b'", "' a b'", "a b"),
    "char(4)": ("'ab'", "' ab'", "ab"),
    "uuid": (
        "'9f3c5d0e-0000-4000-8000-0000000000aa'",
        "'9f3c5d0e-0000-4000-8000-0000000000ab'",
        "9f3c5d0e-0000-4000-8000-0000000000aa",
    ),
    "bigint": ("9223372036854775807", "9223372036854775806", "9223372036854775807"),
    "numeric": ("1.500", "1.5000001", "1.500"),
    "double precision": ("0.30000000000000004", "0.3", "0.30000000000000004"),
    "boolean": ("true", "false", "true"),
    "timestamptz": (
        "'2024-10-27 02:30:00.000001+02'",
        "'2024-10-27 02:30:00.000001+01'",
        "2024-10-27 00:30:00.000001+00",
    ),
    "timestamp": ("'2024-10-27 02:30:00'", "'infinity'", "2024-10-27 02:30:00"),
    "bytea": (r"'\x00ff5c'", r"'\x00ff'", r"\x00ff5c"),
    "public.level": ("""'it''s "high", {or} not'""", "'low'", 'it\'s "high", {or} not'),
    "public.code": ("'x'", "'y'", "x"),
    "public.of_code": ("'x'", "'y'", "x"),
    "public.badge": ("'x y'", "'y'", "x y"),
    "public.score": ("1.5", "1.51", "1.50"),
    "public.moment": (
        "'2024-10-27 02:30:00+02'",
        "'2024-10-27 02:30:00+01'",
        "2024-10-27 00:30:00+00",
    ),
    # Arrays of different lengths, and one in which a part is unknown.
    "int[]": ("'{1,2}'", "'{1,NULL,3}'", "{1,2}"),
    "public.path": ("""'{"a,b","c\\"d"}'""", "'{}'", r'{"a,b","c\"d"}'),
    "int4range": ("'[1,5)'", "'empty'", "[1,5)"),
    "inet": ("'10.0.0.1/24'", "'10.0.0.1'", "10.0.0.1/24"),
    "jsonb": ("""'{"a": [1, "x"]}'""", "'null'", '{"a": [1, "x"]}'),
    "money": ("1234.5", "'-1'", "$1,234.50"),
    "bit(3)": ("B'101'", "B'100'", "101"),
    "interval": ("'36 hours'", "'1 day 11 hours'", "36:00:00"),
    "timetz": ("'10:00+02'", "'10:00+01'", "10:00:00+02"),
}

#: Under these, texts are others, or have fewer digits.
SETTINGS = ("DateStyle = German", "extra_float_digits = -5", "bytea_output = escape")


@pytest.mark.quick("timestamptz", "path")
@pytest.mark.parametrize("type_", TYPES)
def test_what_is_closed_by_two_columns_is_undone(
    any_database: EmbeddedDatabase, command: Command, type_: str
) -> None:
    one, other, text = TYPES[type_]
    execute(
        any_database,
        OWN_TYPES,
        f"CREATE TABLE public.it (a {type_}, b {type_}, is_open bool NOT NULL,"
        " started timestamptz, seen timestamptz, PRIMARY KEY (a, b))",
        "INSERT INTO public.it SELECT a, b, true, now() - interval '3 hours',"
        f" now() - interval '2 hours' FROM (VALUES ({one}::{type_}), ({other})) AS x (a),"
        f" (VALUES ({one}::{type_}), ({other})) AS y (b)",
        f"UPDATE public.it SET seen = now() WHERE a = b AND a = {other}::{type_}",
        *(f'ALTER DATABASE "{any_database.name}" SET {each}' for each in SETTINGS),
    )
    both = json.dumps([text, text])
    everything = "SELECT t::text FROM public.it AS t ORDER BY a, b"
    before = rows(any_database, everything)

    # Of those that share a part, the one that is named.
    printed = command("recover", "it", "--yes", "--despite-brake", "--id", both)
    assert "  1 was closed" in printed
    assert rows(any_database, "SELECT session FROM session_exporter.recovery") == [([text, text],)]
    still = (
        f"SELECT count(*), bool_and(a = {one}::{type_} AND b = a) FROM public.it WHERE NOT is_open"
    )
    assert rows(any_database, still) == [(1, True)]

    # Then the others, but for the one that lives.
    assert "  2 were closed" in command("recover", "it", "--yes", "--despite-brake")
    assert rows(any_database, "SELECT count(*) FROM public.it WHERE is_open") == [(1,)]

    runs = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", command("runs"))
    assert "  2 were undone" in command("undo", runs[0], "--yes")
    assert "  1 was undone" in command("undo", runs[1], "--id", both, "--yes")
    assert rows(any_database, everything) == before
