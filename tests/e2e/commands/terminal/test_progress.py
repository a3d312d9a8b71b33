"""What takes longer than a second shows how far it is, on a terminal alone."""

import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.processes.session_exporter import PROGRAM, environment, write_config
from tests.support.processes.shells import Terminal
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # takes seconds: test_progress of the unit tests has the bar

TABLE = """
    CREATE TABLE public.chat (
        id int PRIMARY KEY, is_open bool, started timestamptz, ended timestamptz
    );
    INSERT INTO public.chat SELECT n, true, now() - interval '3 hours', NULL
        FROM generate_series(1, 12) AS n;
"""

CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "ended_at": "ended",
    "id": "id",
    "orphaned_after": "2h",
    "recovery": {"set": {"is_open": False, "ended": "{end}"}, "end_at": "s.started"},
}


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    """Each collection of each source takes 1.5 s."""
    execute(database, TABLE)
    execute(database, audit_script(0))
    slow = {**CHAT, "where": "pg_sleep(0.125) IS NOT NULL", "daily": None}
    sources = {"chat": CHAT, "slow": slow, "slower": slow}
    return write_config(tmp_path, {"app": {"dsn": database.dsn}}, sources)


def on_terminal(*arguments: str | Path, folder: Path, code: int = 0) -> Terminal:
    env = environment(folder, TERM="xterm", LC_ALL="C.UTF-8")
    with Terminal([PROGRAM, *arguments], folder=folder, env=env) as terminal:
        assert terminal.read_to_the_end() == code, terminal.shown
    return terminal


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("once",), r"\d+ of 7 collections"),
        (("orphans",), r"[1-3] of 3 sources"),
        (("check", "--live"), r"[1-3] of 4 databases and sources"),
        (
            ("recover", "chat", "--yes", "--despite-brake", "--batch", "1", "--pause", "200ms"),
            r"\d+ of 12 sessions",
        ),
    ],
)
def test_it_is_shown_and_erased_and_not_in_a_pipe(
    arguments: tuple[str, ...], what: str, config: Path, tmp_path: Path
) -> None:
    words = [*arguments, "-c", str(config)]
    terminal = on_terminal(*words, folder=tmp_path, code=int(arguments[0] == "check"))
    drawn = terminal.raw.decode()
    bars = list(re.finditer(what, drawn))
    assert bars, terminal.shown
    assert drawn[bars[-1].end() :].startswith("\r\x1b[K")  # the last one is erased

    done = subprocess.run(
        [PROGRAM, *words],
        cwd=tmp_path,
        env=environment(tmp_path, TERM="xterm"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not re.search(what, done.stdout + done.stderr)
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["inconsistent", "runs"])
def test_it_is_erased_before_a_failure_is_said(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a server that does not answer
        dsn = f"postgresql://a@127.0.0.1:{silent.getsockname()[1]}/a"
        databases = {"app": {"dsn": dsn, "connect_timeout": "2s"}}
        path = write_config(tmp_path, databases, {"chat": CHAT})
        terminal = on_terminal(command, "-c", path, folder=tmp_path, code=1)
    drawn = terminal.raw.decode()
    assert "0 of 1 sources\r\x1b[Ksession-exporter: chat (app): " in drawn


def test_a_survey_of_init_shows_how_many_tables_are_done(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, TABLE)
    for number in range(3):
        execute(
            database,
            f"CREATE VIEW public.slow_chat_{number} AS"
            " SELECT * FROM public.chat WHERE pg_sleep(0.06) IS NOT NULL",
        )
    output = tmp_path / "found.yaml"
    names = ["chat", *(f"slow_chat_{number}" for number in range(3))]
    answers = [word for name in names for word in ("--omit", name)]  # so that it asks nothing
    named = ["--output", str(output), "--schema", "public", *answers]
    terminal = on_terminal("init", database.dsn, *named, folder=tmp_path)
    assert re.search(r"[1-4] of 4 tables", terminal.shown)
    assert output.is_file()
