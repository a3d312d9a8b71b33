"""What changes sessions says what it has done when Ctrl-C or a lost connection ends it early."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import (
    PROGRAM,
    environment,
    run,
    wait_for,
    write_config,
)
from tests.support.servers.statements import execute, rows

#: Sessions of one server, from the longest silent, which is closed first, to the shortest.
TABLE = """
    CREATE TABLE public.chat (
        id int PRIMARY KEY, is_open boolean NOT NULL DEFAULT true, started timestamptz,
        seen timestamptz, server text NOT NULL DEFAULT 'a'
    );
    INSERT INTO public.chat (id, started, seen)
        SELECT n, now() - interval '9 hours', now() - interval '8 hours' + n * interval '1 minute'
        FROM generate_series(1, 5) AS n;
"""
CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "2h",
    "owner": "server",
    "recovery": {"set": {"is_open": False}, "batch": 1, "pause": "1ms"},
}
RECOVER = ("recover", "chat", "--yes", "--despite-brake", "--batch", "1")
CLOSE = ("close", "chat", "--owner", "a", "--yes", "--batch", "1")


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    execute(database, TABLE)
    return write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": CHAT})


def stop_at(database: EmbeddedDatabase, id_: int, what: str) -> None:
    """Have a trigger do this where the session is written to."""
    execute(
        database,
        "CREATE OR REPLACE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF NEW.id = {id_} THEN PERFORM {what}; END IF; RETURN NEW; END $$",
        "CREATE OR REPLACE TRIGGER stop BEFORE UPDATE ON public.chat"
        " FOR EACH ROW EXECUTE FUNCTION public.stop()",
    )


def closed_ones(database: EmbeddedDatabase) -> set[int]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.chat WHERE NOT is_open")}


#: Becomes a command that SIGINT ends: what runs in the background of a shell ignores it.
AT_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def interrupt(
    database: EmbeddedDatabase, config: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that a trigger makes wait, and send it SIGINT then."""
    process = subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, PROGRAM, *arguments, "-c", config],
        cwd=config.parent,
        env=environment(config.parent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    asleep = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_for(lambda: rows(database, asleep), "the trigger")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


@pytest.mark.parametrize("arguments", [RECOVER, CLOSE], ids=["recover", "close"])
def test_ctrl_c_leaves_the_number_of_closed_sessions_and_the_run(
    database: EmbeddedDatabase, config: Path, arguments: tuple[str, ...]
) -> None:
    stop_at(database, 4, "pg_sleep(1)")
    done = interrupt(database, config, *arguments)
    assert (done.returncode, done.stderr) == (130, "")
    assert "  3 were closed before the run ended early" in done.stdout
    assert closed_ones(database) - {4} == {1, 2, 3}  # whether 4 is committed nobody has waited for
    found = re.search(r"session-exporter undo (\S+) shows", done.stdout)
    assert found is not None
    plan = run("undo", found[1], "-c", config, folder=config.parent).stdout
    assert f": {len(closed_ones(database))} sessions" in plan


@pytest.mark.slow  # the other ones interrupt in the same way
def test_ctrl_c_leaves_the_number_of_undone_sessions(
    database: EmbeddedDatabase, config: Path
) -> None:
    run(*RECOVER, "-c", config, folder=config.parent)
    assert closed_ones(database) == {1, 2, 3, 4, 5}
    ((run_id,),) = rows(database, "SELECT run::text FROM session_exporter.run")
    stop_at(database, 2, "pg_sleep(1)")
    done = interrupt(database, config, "undo", run_id, "--yes")
    assert (done.returncode, done.stderr) == (130, "")
    assert "  1 was undone before it ended early" in done.stdout
    assert closed_ones(database) - {2, 3} == {4, 5}  # the second batch may hold twice as many


@pytest.mark.parametrize("format_", ["table", "json"])
def test_a_lost_connection_leaves_the_number_of_undone_sessions(
    database: EmbeddedDatabase, config: Path, format_: str
) -> None:
    run(*RECOVER, "-c", config, folder=config.parent)
    ((run_id,),) = rows(database, "SELECT run::text FROM session_exporter.run")
    stop_at(database, 2, "pg_terminate_backend(pg_backend_pid())")
    done = run("undo", run_id, "--yes", "--format", format_, "-c", config, folder=config.parent)
    assert done.returncode == 1
    assert "session-exporter: chat (app): " in done.stderr
    if format_ == "table":
        assert "  1 was undone before it ended early" in done.stdout
    else:
        expected = {"undone": 1, "skipped": 0, "refused": {}, "complete": False}
        assert json.loads(done.stdout)[0]["outcome"] == expected


def test_a_lost_connection_leaves_the_number_of_sessions_that_a_stop_has_closed(
    database: EmbeddedDatabase, config: Path
) -> None:
    stop_at(database, 3, "pg_terminate_backend(pg_backend_pid())")
    done = run(*CLOSE, "-c", config, folder=config.parent)
    assert done.returncode == 1
    assert "  2 were closed before the run ended early" in done.stdout
    assert closed_ones(database) == {1, 2}
