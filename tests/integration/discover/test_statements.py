"""`init` where pg_stat_statements tells how the application moves and ends a session."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import create_database
from exporter.demo.server.server import SUPERUSER
from tests.support.processes.session_exporter import run
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute
from tests.support.servers.versions import VERSIONS, settings_of

MAJOR = 15  # of the system, whose packages have the extension

TABLE = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE visits (
  id bigserial PRIMARY KEY, status text NOT NULL, reason text,
  started_at timestamptz NOT NULL, ended_at timestamptz, updated_at timestamptz
);
INSERT INTO visits (status, started_at, ended_at, updated_at)
  SELECT 'ended', at, at + interval '5 min', at
  FROM generate_series(now() - interval '150 h', now() - interval '1 h', interval '1 h') AS at;
INSERT INTO visits (status, started_at, updated_at)
  SELECT 'live', now() - interval '1 min', now() - interval '1 min' FROM generate_series(1, 5)
"""


@pytest.mark.slow  # a server with a library of its own; how a statement is read is a unit test
@pytest.mark.skipif(MAJOR not in VERSIONS, reason="PostgreSQL 15 is not installed")
def test_the_applications_own_statements_say_what_lives_and_what_closing_writes(
    fast_folder: Path | None, tmp_path: Path
) -> None:
    settings = settings_of(MAJOR) | {"shared_preload_libraries": "pg_stat_statements"}
    with QuickServer(VERSIONS[MAJOR], settings=settings, parent=fast_folder) as server:
        database = create_database(server, "application", owner=SUPERUSER)
        execute(database, TABLE)
        execute(database, *["UPDATE visits SET updated_at = now() WHERE id = 1"] * 3)
        end = "UPDATE visits SET ended_at = now(), status = 'ended', reason = 'user'"
        execute(database, f"{end} WHERE id = 1 AND status = 'live'")
        text = run("init", database.dsn, "-o", "-", folder=tmp_path).stdout
    assert "\n    last_seen_at: updated_at  # the application moves it most often" in text
    assert "by an UPDATE of ended_at, status, reason, which asks for status" in text
    assert "  #     reason: |  # QUESTION: what does" in text
    assert "'user'" not in text
