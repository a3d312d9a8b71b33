"""`check --live` as people see it: exit codes, the width of a terminal, and colours."""

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.demo import history
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP, EXPORTER
from tests.support.network.answering import serving
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    PROGRAM,
    environment,
    run,
    write_config,
)
from tests.support.servers.statements import execute

EXAMPLE = Path(__file__).parents[3] / "config.yaml"
BARE = {"table": "bare", "active": "is_open", "started_at": "started", "orphaned_after": "2h"}


def _read(terminal: int) -> bytes:
    """Nothing after the other side was closed, which Linux says with EIO."""
    try:
        return os.read(terminal, 65536)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def at_a_terminal(
    *arguments: str | Path, folder: Path, columns: int, **variables: str
) -> tuple[int, str]:
    """The exit code of a command, and what a terminal of so many columns shows at its end.

    A bar of progress is erased by then.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [PROGRAM, *arguments],
        env=environment(folder, TERM="xterm", LANG="C.UTF-8", **variables),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
        os.close(ours)
    left = re.sub(r"\r\x1b\[K(?:  [^\r\n]* databases and sources)?", "", shown.decode())
    return process.returncode, left.replace("\r\n", "\n")


def test_the_example_is_at_most_a_screen(database: EmbeddedDatabase, tmp_path: Path) -> None:
    with database.connect(APP) as connection:
        history.fill(connection, datetime.now(UTC))
    code, shown = at_a_terminal(
        *("check", "--live", "-c", EXAMPLE),
        folder=tmp_path,
        columns=80,
        DATABASE_URL=database.dsn_for(EXPORTER),
    )
    lines = shown.splitlines()
    assert code == 0, shown
    assert len(lines) <= 24, shown
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in lines) <= 80
    for source in ("conversations", "coaching", "transcripts", "training"):
        assert re.search(rf"^\S+ {source}: \d+ active, \d+ orphaned; newest", shown, re.MULTILINE)
    assert "\x1b[32m✓\x1b[0m database app: connected to" in shown


def test_what_is_well_is_a_line_and_all_shows_each_check(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path, {"app": {"dsn": database.dsn_for(EXPORTER)}}, {"chats": CONVERSATIONS}
    )
    short = run("check", "--live", "-c", config, folder=tmp_path)
    assert short.returncode == 0
    assert re.fullmatch(
        r"✓ database app: connected to .*; it is a primary\n"
        r"✓ chats: 0 active, 0 orphaned\n"
        r"1 source checked: nothing is wrong; --all shows every check in full\n",
        short.stdout,
    )
    every = run("check", "--live", "--all", "-c", config, folder=tmp_path)
    assert every.returncode == 0
    assert every.stdout.startswith("database app\n  ✓ connection: connected to ")
    assert "\nsource chats in database app\n  ✓ table: " in every.stdout
    assert every.stdout.count("✓") == 20


@pytest.mark.parametrize("arguments", [(), ("--all",), ("--format", "json")])
def test_exit_1_means_that_something_is_wrong_and_a_remark_is_not(
    database: EmbeddedDatabase, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    execute(database, "CREATE TABLE bare (is_open bool, started timestamptz)")

    def checked(source: dict[str, str]) -> tuple[int, str]:
        config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chats": source})
        done = run("check", "--live", *arguments, "-c", config, folder=tmp_path)
        return done.returncode, done.stdout

    code, shown = checked(BARE)
    assert (code, "no index serves collector active" in shown) == (0, True)
    code, shown = checked({**BARE, "table": "nowhere.at_all"})
    assert (code, "there is no table" in shown) == (1, True)
    assert "json" in arguments or "  ✗ schema: there is no table" in shown


@pytest.mark.quick("60")
@pytest.mark.parametrize("columns", [60, 100])
def test_lines_have_the_width_of_the_terminal_and_sql_is_whole(
    database: EmbeddedDatabase, tmp_path: Path, columns: int
) -> None:
    table = "t" * 60
    execute(database, f"CREATE TABLE {table} (is_open bool, started timestamptz)")
    config = write_config(
        tmp_path, {"app": {"dsn": database.dsn}}, {"bare": {**BARE, "table": table}}
    )
    code, shown = at_a_terminal(
        *("check", "--live", "--all", "-c", config),
        folder=tmp_path,
        columns=columns,
        NO_COLOR="1",
    )
    assert code == 0
    assert "\x1b" not in shown
    wide = [line for line in shown.splitlines() if len(line) > columns and "ttt" not in line]
    assert wide == []
    on = [line for line in shown.splitlines() if line.lstrip().startswith("ON ")]
    assert [line.strip() for line in on] == [
        f'ON "public"."{table}" ("started") WHERE ("is_open");',
        f'ON "public"."{table}" ("started");',
    ]
    assert any(line.startswith("    ") and "ask a DBA" in line for line in shown.splitlines())


@pytest.mark.slow  # lines for a terminal are in the ones about its width
def test_colours_are_for_terminals_only(database: EmbeddedDatabase, tmp_path: Path) -> None:
    app = {"dsn": database.dsn_for(EXPORTER)}
    config = write_config(tmp_path, {"app": app}, {"chats": CONVERSATIONS})
    words = ("check", "--live", "-c", config)
    assert "\x1b" not in run(*words, folder=tmp_path).stdout
    for variables in ({}, {"NO_COLOR": ""}):
        _, shown = at_a_terminal(*words, folder=tmp_path, columns=80, **variables)
        assert "\x1b[32m✓\x1b[0m chats: 0 active" in shown


@pytest.mark.slow  # it is one word in another encoding
def test_where_the_output_cannot_show_ticks_the_marks_are_words(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path,
        {"app": {"dsn": database.dsn_for(EXPORTER)}},
        {"chats": CONVERSATIONS, "gone": {**BARE, "table": "gone"}},
    )
    words, ascii_ = ("check", "--live", "-c", config), {"PYTHONIOENCODING": "ascii"}
    shown = run(*words, folder=tmp_path, **ascii_).stdout
    assert "ok chats: 0 active" in shown
    assert "  FAILED schema: there is no table" in shown


def test_an_unknown_source_is_a_short_sentence_however_many_there_are(tmp_path: Path) -> None:
    sources = {f"s{number}": BARE for number in range(300)}
    config = write_config(tmp_path, {"app": {"dsn": ""}}, sources)
    done = run("orphans", "unheard-of", "-c", config, folder=tmp_path)
    assert done.returncode == 2
    assert "s19 and 280 more" in done.stderr
    assert len(done.stderr) < 1000


@pytest.mark.parametrize("partitions", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_table_of_many_partitions_takes_no_more_lines_than_one_of_a_few(
    database: EmbeddedDatabase, tmp_path: Path, partitions: int
) -> None:
    """Each has its own triggers, rights to write, and indexes, some on what is a heartbeat."""
    execute(
        database,
        "CREATE TABLE bare (id int PRIMARY KEY, is_open bool, started timestamptz,"
        " seen timestamptz) PARTITION BY RANGE (id)",
        *(
            f"CREATE TABLE bare_{number} PARTITION OF bare FOR VALUES"
            f" FROM ({number}) TO ({number + 1})"
            for number in range(partitions)
        ),
        "CREATE INDEX ON bare (seen)",
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        *(
            f"CREATE TRIGGER t_{number} BEFORE UPDATE ON bare_{number}"
            " FOR EACH ROW EXECUTE FUNCTION nothing()"
            for number in range(partitions)
        ),
    )
    declared = {
        **BARE,
        "last_seen_at": "seen",
        "id": "id",
        "recovery": {"set": {"is_open": "false"}, "end_at": "now"},
    }
    config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"bare": declared})
    for more in ["--all"], []:
        done = run("check", "--live", *more, "-c", config, folder=tmp_path)
        lines = done.stdout.splitlines()
        assert done.stderr == ""
        assert len(lines) < 130, done.stdout
        assert max(map(len, lines)) < 4000
        assert f" and {partitions - 20} more" in next(li for li in lines if "recovery meets" in li)
        if more:
            left = f"{2 * partitions + 1 - 20} more commands"
            assert f"-- and {left}: `session-exporter sql index bare` prints" in done.stdout


def test_one_source_is_checked_where_it_is_named(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    far = "host=127.0.0.1 port=1"
    databases = {"app": {"dsn": database.dsn_for(EXPORTER)}, "down": {"dsn": far}}
    sources: dict[str, dict[str, Any]] = {
        "chats": {**CONVERSATIONS, "database": "app"},
        "gone": {**BARE, "database": "app"},
        "far": {**BARE, "database": "down"},
    }
    config = write_config(tmp_path, databases, sources)
    done = run("check", "chats", "--live", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n1 source checked: nothing is wrong; " in done.stdout
    assert "gone" not in done.stdout
    assert "down" not in done.stdout
    unknown = run("check", "chat", "--live", "-c", config, folder=tmp_path)
    assert unknown.returncode == 2
    assert "declares no source chat; did you mean chats?" in unknown.stderr
    whole = run("check", "chats", "-c", config, folder=tmp_path)
    assert (whole.returncode, whole.stdout) == (2, "")
    assert "SOURCE is for --live" in whole.stderr


def test_a_list_without_a_table_is_checked_alone_too_and_would_page(tmp_path: Path) -> None:
    listed = {"list": "calls", "orphaned_after": "2h"}
    at = {"path": "at", "epoch": "s"}
    with serving(calls=[{"id": n, "at": 1_700_000_000 + n} for n in range(6)]) as server:
        lists = {"calls": {"urls": {"app": server.url("/calls")}, "items": "@", "last_seen_at": at}}
        app = {"dsn": "host=127.0.0.1 port=1"}
        config = write_config(tmp_path, {"app": app}, {"calls": listed}, lists=lists)
        done = run("check", "calls", "--live", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "alert: 6 orphaned, alert_above is 5: this would page; the oldest was" in done.stdout
    assert "last seen 2023-11-14 22:13:20Z, " in done.stdout
