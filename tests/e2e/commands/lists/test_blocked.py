"""`orphans --blocked`: who cannot start a session, for people and for programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.session_exporter import CONVERSATIONS, IMPATIENT, run, write_config

LIMITED = {**CONVERSATIONS, "limit_per": {"key": "user_id", "max": 1}}
#: User and minutes since the start: two lost sessions of one user, one of another, and a live one.
SESSIONS = (("ann", 180), ("ann", 300), (r"E'\x1b[2J\u202eevil\nline'", 240), ("eve", 30))


@pytest.fixture
def config(database: EmbeddedDatabase, tmp_path: Path) -> Callable[..., Path]:
    """`config(name=source)`: a file with these sources, which have sessions."""
    with database.connect() as connection:
        for user, minutes in SESSIONS:
            text = user if user.startswith("E'") else f"'{user}'"
            connection.execute(
                "INSERT INTO conversations.conversation_sessions"
                " (session_id, user_id, session_start) VALUES"
                f" (gen_random_uuid(), {text}, now() - interval '{minutes} min')".encode()
            )
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}

    def config(**sources: dict[str, Any]) -> Path:
        return write_config(tmp_path, {"app": app}, sources)

    return config


def test_the_blocked_are_listed_longest_blocked_first(
    config: Callable[..., Path], tmp_path: Path
) -> None:
    done = run("orphans", "chats", "--blocked", "-c", config(chats=LIMITED), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    title, header, ann, evil = done.stdout.splitlines()
    assert title == (
        "chats (app): blocked_count 2, by sessions not seen for more than 2h; "
        "each may have at most 1"
    )
    assert header.split("  ")[0] == "key"
    assert header.split()[1:] == ["active", "orphaned", "oldest", "last", "seen", "silent", "for"]
    assert ann.split()[:3] == ["ann", "2", "2"]
    assert ann.split()[-2:] == ["5h", "0m"]
    assert evil.startswith(r"\x1b[2J\u202eevil\nline  1 ")


def test_it_says_how_many_more_are_blocked(config: Callable[..., Path], tmp_path: Path) -> None:
    arguments = ("orphans", "--blocked", "--limit", "1", "-c", config(chats=LIMITED))
    done = run(*arguments, folder=tmp_path)
    _, _, ann, more = done.stdout.splitlines()
    assert ann.startswith("ann ")
    assert more == "… and 1 more; --limit 2 shows all"


def test_another_age_blocks_others(config: Callable[..., Path], tmp_path: Path) -> None:
    path = config(chats=LIMITED)
    done = run("orphans", "--blocked", "--older-than", "10m", "-c", path, folder=tmp_path)
    assert "blocked_count 3, by sessions not seen for more than 10m" in done.stdout
    done = run("orphans", "--blocked", "--older-than", "1d", "-c", path, folder=tmp_path)
    assert done.stdout == (
        "chats (app): blocked_count 0, by sessions not seen for more than 1d; "
        "each may have at most 1\n"
    )


def test_programs_get_numbers(config: Callable[..., Path], tmp_path: Path) -> None:
    arguments = ("orphans", "--blocked", "--format", "json", "-c", config(chats=LIMITED))
    (source,) = json.loads(run(*arguments, folder=tmp_path).stdout)
    ann, evil = source.pop("blocked")
    assert source == {
        "source": "chats",
        "database": "app",
        "older_than_seconds": 7200,
        "max": 1,
        "blocked_count": 2,
    }
    assert ann.pop("silence_seconds") == pytest.approx(5 * 3600, abs=60)
    assert ann.pop("last_seen_at").endswith("Z")
    assert ann == {"key": "ann", "active": 2, "orphaned": 2}
    assert evil["key"] == "\x1b[2J\u202eevil\nline"


def test_of_all_sources_those_with_a_limit_are_listed(
    config: Callable[..., Path], tmp_path: Path
) -> None:
    path = config(plain=CONVERSATIONS, chats=LIMITED)
    done = run("orphans", "--blocked", "-c", path, folder=tmp_path)
    assert done.returncode == 0
    assert "chats (app)" in done.stdout
    assert "plain" not in done.stdout


def test_without_a_limit_the_sentence_says_how_to_declare_one(
    config: Callable[..., Path], tmp_path: Path
) -> None:
    path = config(plain=CONVERSATIONS)
    for arguments, where in (((), "no source declares"), (("plain",), "sources.plain declares no")):
        done = run("orphans", *arguments, "--blocked", "-c", path, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"session-exporter: {path}: {where} `limit_per`: session-exporter does not know how "
            "many sessions a user may have; for example limit_per: {key: user_id, max: 1}\n"
        )


def test_a_key_that_a_value_does_not_fit_is_named_and_the_value_is_not(
    config: Callable[..., Path], tmp_path: Path
) -> None:
    limit = {"key": "s.user_id::int", "max": 1}
    path = config(broken={**CONVERSATIONS, "limit_per": limit}, chats=LIMITED)
    done = run("orphans", "--blocked", "-c", path, folder=tmp_path)
    assert done.returncode == 1
    assert "chats (app): blocked_count 2" in done.stdout
    assert done.stderr.startswith("session-exporter: broken (app): limit_per.key: a text does not")
    assert "ann" not in done.stderr
