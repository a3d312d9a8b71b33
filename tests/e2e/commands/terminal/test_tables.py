"""Tables of the commands on a real terminal, and in a pipe."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.text import columns_of
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    PROGRAM,
    environment,
    run,
    write_config,
)
from tests.support.processes.shells import Terminal

pytestmark = pytest.mark.slow  # test_table has the widths, test_commands the pipes

RED = b"\x1b[31m"
HOSTILE = "日本語の長い名前 \x1b[2J\u202e" + "word " * 30
LONG_ID = "0123456789" * 30


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Path:
    """Two orphans, of which one is above the limit; one has an id of 300 characters."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id, session_start)"
            " SELECT gen_random_uuid(), u, now() - interval '1 day' FROM unnest(%s::text[]) AS u",
            [[HOSTILE, LONG_ID]],
        )
    source = {**CONVERSATIONS, "alert_above": 1, "show": ["user_id"]}
    sources = {"conversations": source, "by_user": {**source, "id": "user_id", "show": []}}
    app = {"dsn": database.dsn_for(EXPORTER)}
    return write_config(tmp_path, {"app": app}, sources)


def shown(*arguments: str | Path, folder: Path, columns: int, **env: str) -> Terminal:
    """What a command shows on a terminal, at its end."""
    variables = environment(folder, TERM="xterm-256color", LC_ALL="C.UTF-8", **env)
    with Terminal([PROGRAM, *arguments], folder=folder, env=variables, columns=columns) as terminal:
        assert terminal.read_to_the_end() == 0
    return terminal


@pytest.mark.parametrize("columns", [80, 200])
def test_a_list_fits_the_terminal_and_harms_it_not(
    config: Path, tmp_path: Path, columns: int
) -> None:
    terminal = shown("orphans", "conversations", "-c", config, folder=tmp_path, columns=columns)
    _, *lines = terminal.shown.splitlines()
    assert max(map(columns_of, lines)) <= columns
    assert r"\x1b[2J\u202e" in terminal.shown.replace("\r\n", "")
    assert b"\x1b[2J" not in terminal.raw


@pytest.mark.parametrize("columns", [80, 200])
def test_an_id_of_300_characters_is_whole(config: Path, tmp_path: Path, columns: int) -> None:
    terminal = shown("orphans", "by_user", "-c", config, folder=tmp_path, columns=columns)
    assert LONG_ID in terminal.shown
    assert LONG_ID in run("orphans", "by_user", "-c", config, folder=tmp_path).stdout


@pytest.mark.parametrize("command", ["once", "orphans"])
def test_what_is_above_its_limit_is_red_on_a_terminal_alone(
    config: Path, tmp_path: Path, command: str
) -> None:
    red = RED + b"2\x1b[0m"
    assert red in shown(command, "-c", config, folder=tmp_path, columns=120).raw
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        given = {"NO_COLOR": ""} | env
        variables = environment(tmp_path, **({"TERM": "xterm"} | given))
        with Terminal([PROGRAM, command, "-c", config], folder=tmp_path, env=variables) as terminal:
            assert terminal.read_to_the_end() == 0
        assert b"\x1b[3" not in terminal.raw
    assert red in shown(command, "-c", config, folder=tmp_path, columns=120, NO_COLOR="").raw
    assert "\x1b" not in run(command, "-c", config, folder=tmp_path, TERM="xterm").stdout
