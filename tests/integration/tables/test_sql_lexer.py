"""What the config takes for a whole expression is one for every version of PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.config.fields.sql_lexer import IncompleteSqlError, check_complete, escape_strings
from exporter.demo.server.databases import EmbeddedDatabase

PIECES = st.sampled_from([
    *("'", "''", "E'", "e'", "b'", "x'", "N'", "U&'", 'U&"', '"', "\\", "\\\\", "\\'"),
    *("$$", "$a$", "$b$", "$é$", "$", "$1", "a", "a$b", "é", "_", "e", "1", "1.5"),
    *("--", "--x\n", "/*", "*/", "*", "/", "\n", "\r", "\t", "\f", " ", "'\n'", "' -- '\n '"),
    *("(", ")", "[", "]", "{", "}", "+", "-", "<", "|", "#", "?", "@", ":", "::", "=", ".", ","),
])  # fmt: skip
#: PL/pgSQL reads the tokens of a whole expression before anything else looks at it.
OPEN = ("unterminated", "mismatched parentheses")


@pytest.fixture
def connection(any_database: EmbeddedDatabase) -> Iterator[psycopg.Connection[Any]]:
    with any_database.connect() as connection:
        yield connection


def error_of(connection: psycopg.Connection[Any], sql: str) -> str:
    body = f"BEGIN PERFORM (\n{sql}\n); END".replace("'", "''")
    try:
        connection.execute(f"DO LANGUAGE plpgsql '{body}'".encode())
    except psycopg.Error as error:
        return str(error)
    return ""


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_an_expression_ends_where_postgresql_finds_its_end(
    connection: psycopg.Connection[Any], sql: str
) -> None:
    error = error_of(connection, sql)
    try:
        check_complete(sql)
    except IncompleteSqlError as incomplete:
        is_open = incomplete.is_open
    else:
        is_open = False
        assert not error.startswith(OPEN)
    # A syntax error comes after the tokens: then nothing stayed open.
    assert not is_open or (error and not error.startswith("syntax error"))


STRINGS = st.sampled_from([
    *("'", "''", "\\", "\\\\", "\\'", "\\n", "a", "%", "' '", "'\n'"),
    *("' -- b\n '", "' || '", "$$", "$$\\$$"),
    *("E'", " N'", "' = '", "' LIKE '", "' LIKE'", "--\n", "/* ' */", '"', "(", ")"),
])  # fmt: skip


def value_of(connection: psycopg.Connection[Any], sql: str, *, conforming: str) -> object:
    connection.execute(f"SET standard_conforming_strings = {conforming}".encode())
    try:
        return connection.execute(
            f"SELECT pg_catalog.to_json(ARRAY[(\n{sql}\n)]::text[])".encode()
        ).fetchone()
    except psycopg.Error as error:
        return error
    finally:
        connection.execute("SET standard_conforming_strings = on")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STRINGS, max_size=9).map(lambda pieces: f"'{''.join(pieces)}'"))
@example(r"'it''s \ 1' LIKE 'it''s \\ %'")
@example("'a\\' -- b\n 'c\\'")
@example("'a'\n'c\\'")
@example(r"'a_' LIKE'a\_'")
def test_a_string_means_the_same_whatever_the_setting_is(
    connection: psycopg.Connection[Any], sql: str
) -> None:
    try:
        check_complete(sql)
    except IncompleteSqlError:
        return
    connection.autocommit = True
    meant = value_of(connection, sql, conforming="on")
    if isinstance(meant, psycopg.Error):
        return
    escaped = escape_strings(sql)
    assert value_of(connection, escaped, conforming="on") == meant
    assert value_of(connection, escaped, conforming="off") == meant
