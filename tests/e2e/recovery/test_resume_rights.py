"""A stop and a pause are ended by persons: the role of the daemon may not, and says which may."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.recovery.audit.installation import audit_script
from exporter.sessions.grants import OPERATOR_RIGHTS, OPERATOR_ROLE, RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

TABLE = """
CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, seen timestamptz);
INSERT INTO public.chat VALUES (1, true, now() - interval '2 hours');
INSERT INTO session_exporter.stop (source, brake, why) VALUES ('chat', 'share', 'a wave')
"""
SOURCE = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "seen",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "1h",
}
PERSON = "alice"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(database: EmbeddedDatabase, tmp_path: Path) -> Command:
    """A command as the role of recovery, or as another one, after `sql role` was run."""
    execute(database, audit_script(), TABLE)
    for role in (RECOVERY_ROLE, PERSON):
        require_role(database.server, role)
    own = {"mode": "auto", "set": {"is_open": False}, "dsn": "${RECOVERY_URL}"}
    config = write_config(
        tmp_path, {"app": {"dsn": database.dsn}}, {"chat": {**SOURCE, "recovery": own}}
    )

    def command(*arguments: str, role: str = RECOVERY_ROLE) -> subprocess.CompletedProcess[str]:
        url = database.dsn_for(role)
        return run(*arguments, "-c", config, folder=tmp_path, RECOVERY_URL=url)

    printed = command("sql", "role", role="postgres").stdout
    assert printed.index("have all sources of a database in one config") < printed.index("REVOKE")
    for _ in range(2):  # it may be run twice
        execute(database, printed)
    execute(database, *re.findall(rf"GRANT {OPERATOR_ROLE} TO {PERSON};", printed))
    return command


def test_a_person_ends_what_the_role_of_the_daemon_may_only_begin(
    database: EmbeddedDatabase, command: Command
) -> None:
    paused = command("pause", "chat")
    assert (paused.returncode, paused.stderr) == (0, "")
    shown = command("resume", "chat").stdout
    assert "1 session is held; once resumed" in shown
    assert f"  it is also paused since {paused.stdout.split('since ')[1]}" in shown
    refused = command("resume", "chat", "--yes")
    assert refused.returncode == 1
    assert f"chat (app): role {RECOVERY_ROLE} may not end a stop or a pause" in refused.stderr
    assert f"GRANT {OPERATOR_ROLE} TO" in refused.stderr
    stops = "SELECT resumed_by::text FROM session_exporter.stop"
    assert rows(database, stops) == [(None,)]
    assert len(rows(database, "SELECT FROM session_exporter.pause")) == 1
    for attack in (
        "UPDATE session_exporter.stop SET resumed_at = now()",
        "DELETE FROM session_exporter.pause",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(database, attack, role=RECOVERY_ROLE)
    done = command("resume", "chat", "--yes", role=PERSON)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is resumed: 1 session was held, and the pause of 2" in done.stdout
    first, cause = done.stdout.splitlines()
    assert first.endswith(f"Z by {RECOVERY_ROLE} has ended")
    assert cause.startswith("  it was stopped since 2")
    assert cause.endswith(", because a wave")
    assert rows(database, stops) == [(PERSON,)]
    assert "1 was closed" in command("recover", "chat", "--yes", role=PERSON).stdout
    assert "1 was undone" in command("undo", last_run(command), "--yes").stdout
    # By hand too it would be closed again only by a person's wish.
    assert "  1 is left alone: undone by a person" in command("recover", "chat").stdout
    assert "nothing is held" in command("resume", "chat").stdout


@pytest.mark.slow  # the fast tier has that check --live names what is too much, in test_rights.py
def test_a_role_that_may_still_end_them_after_an_update_is_reported(
    database: EmbeddedDatabase, command: Command
) -> None:
    def reported() -> list[str]:
        found = command("check", "--live").stdout
        return re.findall(r"may write more to session_exporter\.(\w+) than it needs", found)

    assert reported() == []
    execute(database, *(right.grant(RECOVERY_ROLE) for right in OPERATOR_RIGHTS))
    assert reported() == ["pause", "stop"]
    execute(database, command("sql", "role", role="postgres").stdout)
    assert reported() == []


def test_the_script_takes_no_right_from_an_exporter_that_runs(
    database: EmbeddedDatabase, command: Command
) -> None:
    """It revokes all before it grants, which no other connection may see."""
    printed = command("sql", "role", role="postgres").stdout
    words = ("BEGIN", "COMMIT", "GRANT", "REVOKE")
    statements = [line for line in printed.splitlines() if line.startswith(words)]
    assert len([each for each in statements if each.startswith("REVOKE")]) == 2
    may_read = f"SELECT has_table_privilege('{RECOVERY_ROLE}', 'session_exporter.stop', 'SELECT')"
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
            assert rows(database, may_read) == [(True,)], statement


def last_run(command: Command) -> str:
    return command("runs").stdout.splitlines()[1].split()[0]
