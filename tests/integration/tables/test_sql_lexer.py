"""What the config takes for a whole expression is one for every version of PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config.fields.sql_lexer import IncompleteSqlError, check_complete
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
