"""One table that cannot be looked at, or named, does not keep `init` from the others."""

from pathlib import Path

import pytest
import yaml
from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import run

#: What ends a line, a comment or a text of YAML, a variable, a format, and quotes.
NAMES = ("a: b # c", 'it"s', "${HOME}", "{schema}", "%s", "x'y", "select", "true", "dot.ted")
#: These have characters that no text of a config file may have, or that order it anew.
UNNAMED = ("\x1b[31mred", "new\nline", "right\u202eleft")

FILLED = """
INSERT INTO {table} ("id: #", started_at)
  SELECT g, now() - g * interval '1 hour' FROM generate_series(1, 150) AS g;
UPDATE {table} SET "ended $at #" = started_at + "id: #" * interval '1 s' WHERE "id: #" > 4;
ANALYZE {table}
"""


def create(database: EmbeddedDatabase, name: str) -> None:
    """Create a session table of this name."""
    table = sql.Identifier(name)
    columns = """ ("id: #" bigint PRIMARY KEY, note text DEFAULT 'x',
        started_at timestamptz NOT NULL, "ended $at #" timestamptz)"""
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE TABLE {}").format(table) + sql.SQL(columns))
        connection.execute(sql.SQL(FILLED).format(table=table))


@pytest.mark.slow  # it makes and reads a dozen tables
def test_any_name_can_be_declared_or_is_left_out(
    empty_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    for name in (*NAMES, *UNNAMED):
        create(empty_database, name)
    done = run("init", empty_database.dsn, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    tables = {each["table"] for each in yaml.safe_load(text)["sources"].values()}
    assert len(tables) == len(NAMES), text
    assert text.count("has a control character") == len(UNNAMED)
    checked = run("check", "--live", folder=tmp_path, DATABASE_URL=empty_database.dsn)
    assert checked.returncode == 0, checked.stdout


def test_a_locked_table_is_named_and_the_others_are_declared(
    empty_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    create(empty_database, "visits")
    create(empty_database, "calls")
    with empty_database.connect() as connection:
        connection.execute("BEGIN; LOCK TABLE visits IN ACCESS EXCLUSIVE MODE")
        done = run("init", empty_database.dsn, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "public.visits: another transaction held a lock" in done.stdout
    declared = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    assert list(declared["sources"]) == ["calls"]
