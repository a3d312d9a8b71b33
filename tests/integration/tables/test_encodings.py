"""A database of any encoding: counts are right, lists can be read, and sessions are recovered."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.collection import pages
from tests.support.processes.session_exporter import run
from tests.support.servers.fresh_databases import FreshDatabases, drop_database
from tests.support.servers.statements import execute

#: A word that the encoding has, beyond ASCII.
WORDS = {
    "LATIN1": "straße",
    "LATIN9": "ouvert€",
    "KOI8R": "открыт",
    "WIN1252": "offen•€",
    "EUC_JP": "開いた",
    "SQL_ASCII": "straße",
    "UTF8": "開いた•€😀",
}

CONFIG = """\
databases:
  app:
    dsn: ${{DATABASE_URL}}
sources:
  words:
    table: '"{word}"'
    active: |
      s.state = '{word}' AND s.state IS NOT NULL -- {word}
    started_at: at
    last_seen_at: at
    ended_at: ended
    id: id
    labels:
      which: {{value: state, values: ["{word}"]}}
    orphaned_after: 2h
    show: [state, note]
    recovery:
      set:
        ended: "{{end}}"
        state: |
          'zu {word}'
"""


@pytest.fixture(params=WORDS, ids=str)
def encoded(
    request: pytest.FixtureRequest, databases: FreshDatabases
) -> Iterator[tuple[EmbeddedDatabase, str]]:
    encoding, word = request.param, WORDS[request.param]
    database = EmbeddedDatabase(databases.server, f"in_{encoding.lower()}")
    create = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C'"
    statement = sql.SQL(create).format(sql.Identifier(database.name), sql.Literal(encoding))
    with EmbeddedDatabase(databases.server, "postgres").connect() as connection:
        connection.execute(statement)
    with database.connect() as connection:
        connection.execute("SET client_encoding = 'UTF8'")
        connection.execute(
            f'CREATE TABLE "{word}" (id text PRIMARY KEY, at timestamptz, ended timestamptz,'
            " state text, note text)".encode()
        )
        connection.execute(
            f"INSERT INTO \"{word}\" SELECT '{word} ' || n, now() - n * interval '1 hour', NULL,"
            f" '{word}', '<{word}>' FROM generate_series(1, 5) AS n".encode()
        )
        connection.execute(audit_script().encode())
    yield database, word
    drop_database(database)


@pytest.mark.quick("pg18-LATIN1", "pg18-SQL_ASCII")
async def test_counts_lists_recovery_and_undo_work_in_any_encoding(
    encoded: tuple[EmbeddedDatabase, str], tmp_path: Path
) -> None:
    database, word = encoded
    config, environ = CONFIG.format(word=word), {"DATABASE_URL": database.dsn}
    page = await pages.collect_config(tmp_path / "config.yaml", config, environ)
    assert not page.failures
    assert page("sessions_orphaned") == 4
    assert page("sessions_active_by_label", which=word) == 5
    listed = run("orphans", "words", "--format", "json", folder=tmp_path, **environ)
    (found,) = json.loads(listed.stdout)
    assert [each["id"] for each in found["orphans"]] == [f"{word} {n}" for n in (5, 4, 3, 2)]
    assert found["orphans"][0]["show"] == {"state": word, "note": f"<{word}>"}
    assert run("check", "--live", folder=tmp_path, **environ).returncode == 0
    before = states(database)
    by_hand = ("recover", "words", "--yes", "--despite-brake", "--reason", word)
    done = run(*by_hand, folder=tmp_path, **environ)
    assert done.returncode == 0, done.stderr
    assert sum(state == f"zu {word}" for _, state in states(database)) == 4
    listed = run("runs", "--format", "json", folder=tmp_path, **environ)
    (recovered,) = json.loads(listed.stdout)
    assert (recovered["sessions"], recovered["reason"]) == (4, word)
    done = run("undo", recovered["run"], "--yes", folder=tmp_path, **environ)
    assert done.returncode == 0, done.stderr
    assert states(database) == before


def states(database: EmbeddedDatabase) -> list[tuple[str, str]]:
    with database.connect() as connection:
        connection.execute("SET client_encoding = 'UTF8'")
        (table,) = connection.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r'"
        ).fetchone() or ("",)
        found = connection.execute(f'SELECT id, state FROM "{table}" ORDER BY id'.encode())
        return [(str(id_), str(state)) for id_, state in found.fetchall()]


@pytest.mark.quick("pg18")
@pytest.mark.parametrize("encoded", ["SQL_ASCII"], indirect=True)
async def test_bytes_that_are_no_text_are_counted_and_listed(
    encoded: tuple[EmbeddedDatabase, str], tmp_path: Path
) -> None:
    database, word = encoded
    config, environ = CONFIG.format(word=word), {"DATABASE_URL": database.dsn}
    broken = f"UPDATE \"{word}\" SET id = id || E'\\xff\\xfe', note = E'\\xc3 \\xed\\xa0\\x80'"
    execute(database, broken, f"UPDATE \"{word}\" SET state = state || repeat('ß', 100)")
    config = config.replace(f"s.state = '{word}'", f"s.state LIKE '{word}%'")
    page = await pages.collect_config(tmp_path / "config.yaml", config, environ)
    assert not page.failures
    assert page("sessions_orphaned") == 4
    listed = run("orphans", "words", "--format", "json", folder=tmp_path, **environ)
    assert listed.returncode == 0, listed.stderr
    (found,) = json.loads(listed.stdout)
    orphan = found["orphans"][0]
    assert orphan["id"] == rf"{word} 5\xff\xfe"
    assert orphan["show"]["note"] == r"\xc3 \xed\xa0\x80"
    # 200 bytes of it, and in the middle of a letter.
    assert orphan["show"]["state"] == rf"{word}{'ß' * 96}\xc3"


@pytest.mark.quick("pg18-EUC_JP")
@pytest.mark.parametrize("encoded", ["LATIN1", "EUC_JP"], indirect=True)
async def test_a_letter_that_the_encoding_lacks_is_named(
    encoded: tuple[EmbeddedDatabase, str], tmp_path: Path
) -> None:
    database, word = encoded
    config, environ = CONFIG.format(word=word), {"DATABASE_URL": database.dsn}
    lacking = config.replace(f"s.state = '{word}'", "s.state = '😀'")
    page = await pages.collect_config(tmp_path / "config.yaml", lacking, environ)
    encoding = database.name.removeprefix("in_").upper()
    why = f"the encoding of the database ({encoding}) has no 😀 (U+1F600), which is in"
    assert page.failures["words", "active"].startswith(why)
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    by_hand = ("recover", "words", "--yes", "--despite-brake", "--reason", "😀")
    done = run(*by_hand, folder=tmp_path, **environ)
    assert done.returncode == 1
    assert why in done.stderr
    assert all(state == word for _, state in states(database))
