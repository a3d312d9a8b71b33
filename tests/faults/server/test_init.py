"""`init` through a pooler in transaction mode, and on a standby: it reads, and says which it is."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import create_empty
from tests.support.processes.session_exporter import run
from tests.support.servers.pgbouncer import PgBouncer
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.standby import PRIMARY_SETTINGS, Standby
from tests.support.servers.statements import execute

POOLER = "the connection goes through a pooler"
STANDBY = "the server is a standby"


def test_a_pooler_in_transaction_mode_is_reported_and_suffices(
    bouncer: PgBouncer, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        database,
        "GRANT USAGE ON SCHEMA conversations TO session_exporter",
        "GRANT SELECT ON conversations.conversation_sessions TO session_exporter",
    )
    words = ("init", bouncer.dsn(), "--schema", "conversations", "-o")
    done = run(*words, "pooled.yaml", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert POOLER in done.stdout
    assert "conversation_sessions: conversations.conversation_sessions" in done.stdout
    direct = database.dsn_for("session_exporter")
    done = run("init", direct, *words[2:], "direct.yaml", folder=tmp_path)
    assert POOLER not in done.stdout


@pytest.mark.slow  # a standby takes seconds to start; what is written of it is a unit test
def test_a_standby_is_read_and_reported(fast_folder: Path | None, tmp_path: Path) -> None:
    with QuickServer(wheel_binaries(18), settings=PRIMARY_SETTINGS, parent=fast_folder) as primary:
        create_empty(primary, "watched")
        with Standby(primary, parent=fast_folder) as standby:
            standby.wait_until_it_follows()
            dsn = EmbeddedDatabase(standby, "watched").dsn
            done = run("init", dsn, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert STANDBY in done.stdout
    assert "coaching.roleplay_sessions" in done.stdout
