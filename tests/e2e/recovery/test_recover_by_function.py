"""Recovery by functions as a DBA and an operator have it: printed, run, and then called."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.demo.systems.schemas import EXPORTER
from exporter.sessions.grants import RECOVERY_ROLE
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

Command = Callable[..., subprocess.CompletedProcess[str]]

TABLE = """
    CREATE SCHEMA app;
    CREATE TABLE app."Calls" (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), state text NOT NULL DEFAULT 'open',
        started timestamptz, ended timestamptz, secret text DEFAULT 'hush'
    );
    CREATE INDEX ON app."Calls" (started) WHERE state = 'open';
    CREATE INDEX ON app."Calls" (started);
    INSERT INTO app."Calls" (started)
        SELECT now() - interval '3 hours' FROM generate_series(1, 5) AS n;
    INSERT INTO app."Calls" (started) VALUES (now()), (now() - interval '8 days');
"""

SOURCE: dict[str, Any] = {
    "table": 'app."Calls"',
    "active": "s.state = 'open'",
    "started_at": "started",
    "id": "id",
    "orphaned_after": "2h",
}
RECOVERY: dict[str, Any] = {
    "call": "session_exporter.recover_calls",
    "set": {"state": "'lost'", "ended": "{end}"},
    "end_at": "s.started + interval '1 hour'",
    "pause": "1ms",
}


@pytest.fixture
def command(database: EmbeddedDatabase, tmp_path: Path) -> Command:
    """`command("recover", "calls", recovery={…})`: it looks as one role, and closes as another."""
    execute(database, TABLE)
    for role in (EXPORTER, RECOVERY_ROLE):
        require_role(database.server, role)

    def command(
        *arguments: str, recovery: dict[str, Any] | None = None, role: str = EXPORTER
    ) -> subprocess.CompletedProcess[str]:
        own = {"dsn": database.dsn_for(RECOVERY_ROLE)}
        declared = {**SOURCE, "recovery": {**RECOVERY, **own, **(recovery or {})}}
        app = {"dsn": database.dsn_for(role)}
        config = write_config(tmp_path, {"app": app}, {"calls": declared})
        if arguments == ("sql", "audit"):
            return run(*arguments, folder=tmp_path)
        return run(*arguments, "-c", config, folder=tmp_path)

    return command


@pytest.fixture
def installed(database: EmbeddedDatabase, command: Command) -> Command:
    """The same, after a DBA has run everything that is printed."""
    for what in (["audit"], ["role"], ["function", "calls"]):
        done = command("sql", *what, role="postgres")
        assert (done.returncode, done.stderr) == (0, "")
        execute(database, done.stdout)
    return command


def states(database: EmbeddedDatabase) -> list[tuple[str, int]]:
    with database.connect() as connection:
        query = b'SELECT state, count(*)::int FROM app."Calls" GROUP BY state ORDER BY state'
        return connection.execute(query).fetchall()


def test_what_is_printed_is_all_that_it_takes(
    database: EmbeddedDatabase, installed: Command
) -> None:
    live = installed("check", "--live", "--all")
    assert live.returncode == 0, live.stdout
    assert "is what `sql function` prints now" in live.stdout
    assert f"{RECOVERY_ROLE} may call" in live.stdout

    plan = installed("recover", "calls")
    assert "5 would be closed" in plan.stdout
    assert 'by "session_exporter"."recover_calls" in the database' in plan.stdout
    assert states(database) == [("open", 7)]

    done = installed("recover", "calls", "--yes", "--batch", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 were closed" in done.stdout
    assert states(database) == [("lost", 5), ("open", 2)]
    found = re.search(r"session-exporter undo (\S+)", done.stdout)
    assert found is not None
    assert found[1] in installed("runs").stdout

    assert "5 are unchanged since" in installed("undo", found[1]).stdout
    undone = installed("undo", found[1], "--yes")
    assert (undone.returncode, undone.stderr) == (0, "")
    assert "5 were undone" in undone.stdout
    assert states(database) == [("open", 7)]

    assert (
        "2 were closed" in installed("recover", "calls", "--undone", "--yes", "--limit", "2").stdout
    )
    assert states(database) == [("lost", 2), ("open", 5)]
    query = """SELECT id::text FROM app."Calls" WHERE state = 'open' ORDER BY started DESC"""
    _, one, other, *_ = (id_ for (id_,) in rows(database, query))
    assert "1 was closed" in installed("recover", "calls", "--undone", "--yes", "--id", one).stdout
    assert states(database) == [("lost", 3), ("open", 4)]
    limited = ("--id", other, "--older-than", "4h")
    assert (
        "0 would be closed" in installed("recover", "calls", "--undone", "--yes", *limited).stdout
    )
    assert (
        "1 would be closed"
        in installed("recover", "calls", "--undone", "--backlog", "--older-than", "4h").stdout
    )

    stop = "INSERT INTO session_exporter.stop (source, brake, why) VALUES ('calls', 'share', 'x')"
    execute(database, stop)
    braked = installed("recover", "calls", "--undone", "--yes")
    assert (braked.returncode, "add --despite-brake" in braked.stderr) == (1, True)
    assert (
        "2 were closed"
        in installed("recover", "calls", "--undone", "--yes", "--despite-brake").stdout
    )
    assert states(database) == [("lost", 5), ("open", 2)]
    assert installed("runs").stdout.splitlines()[1].endswith(" --despite-brake")


def test_a_changed_config_stops_it_before_anything_is_changed(
    database: EmbeddedDatabase, installed: Command
) -> None:
    changed = {"set": {"state": "'dropped'", "ended": "{end}"}}
    done = installed("recover", "calls", "--yes", recovery=changed)
    assert done.returncode == 1
    assert "is not what `session-exporter sql function calls` prints now" in done.stderr
    assert states(database) == [("open", 7)]
    printed = installed("sql", "function", "calls", recovery=changed, role="postgres").stdout
    execute(database, printed)
    assert "5 were closed" in installed("recover", "calls", "--yes", recovery=changed).stdout
    assert states(database) == [("dropped", 5), ("open", 2)]


def test_a_function_that_is_not_there_is_said(database: EmbeddedDatabase, command: Command) -> None:
    done = command("recover", "calls", "--yes", role="postgres")
    assert done.returncode == 1
    assert "there is no function session_exporter.recover_calls in this database" in done.stderr
    assert states(database) == [("open", 7)]


def test_a_planned_stop_wants_a_role_that_may_write(
    database: EmbeddedDatabase, installed: Command
) -> None:
    done = installed("close", "calls", "--all", "--yes", "--even-live")
    assert done.returncode == 1
    assert "permission denied" in done.stderr
    assert states(database) == [("open", 7)]


OTHER = """
    CREATE FUNCTION app.sweep({arguments}) RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER AS $$
        UPDATE app."Calls" SET state = 'swept'
        WHERE state = 'open' AND started < now() - interval '4 hours' RETURNING id
    $$;
    GRANT USAGE ON SCHEMA app TO session_exporter_recovery;
"""


@pytest.mark.quick("really")
@pytest.mark.parametrize(
    "arguments",
    ["", "p_threshold_minutes integer", "p_threshold_minutes int, really bool = true"],
)
def test_a_function_of_somebody_elses_is_not_called(
    database: EmbeddedDatabase, installed: Command, arguments: str
) -> None:
    execute(database, OTHER.format(arguments=arguments))
    done = installed("recover", "calls", "--backlog", "--yes", recovery={"call": "app.sweep"})
    assert done.returncode == 1
    assert '"app"."sweep" is not what `session-exporter sql function calls`' in done.stderr
    assert "session-exporter did not print it" in done.stderr
    assert states(database) == [("open", 7)]


def test_a_function_of_somebody_elses_is_never_called_automatically(
    database: EmbeddedDatabase, installed: Command
) -> None:
    execute(database, OTHER.format(arguments=""))
    auto = {"call": "app.sweep", "mode": "auto", "trust_age": True}
    live = installed("check", "--live", recovery=auto)
    assert live.returncode == 1
    assert '"app"."sweep" is not what `session-exporter sql function calls`' in live.stdout


@pytest.mark.quick("wanted")
@pytest.mark.parametrize("arguments", ["wanted uuid", "int", ""])
def test_a_function_that_cannot_be_called_is_said(
    database: EmbeddedDatabase, installed: Command, arguments: str
) -> None:
    kind, returns = ("FUNCTION", "RETURNS int") if arguments else ("PROCEDURE", "")
    body = "LANGUAGE sql AS $$ SELECT 1 $$"
    execute(database, f"CREATE {kind} app.sweep({arguments}) {returns} {body}")
    done = installed("recover", "calls", "--yes", recovery={"call": "app.sweep"})
    assert done.returncode == 1
    assert '"app"."sweep" is not what `session-exporter sql function calls`' in done.stderr
    assert states(database) == [("open", 7)]


def test_without_set_no_function_can_be_the_printed_one(
    database: EmbeddedDatabase, installed: Command
) -> None:
    done = installed("recover", "calls", "--yes", recovery={"set": {}})
    assert done.returncode == 1
    assert "expected set inside recovery, got no set" in done.stderr
    assert states(database) == [("open", 7)]


def test_without_set_there_is_nothing_to_print(command: Command) -> None:
    without: dict[str, Any] = {"set": {}, "call": None}
    done = command("sql", "function", "calls", recovery=without, role="postgres")
    assert done.returncode == 2
    assert "declares no `set`: session-exporter does not know how to close a session" in done.stderr
