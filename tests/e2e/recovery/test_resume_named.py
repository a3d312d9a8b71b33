"""What `resume` ends is what a person has seen: `--only` names it, and `--yes` alone is refused
where another stop was in force before."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, create_database
from exporter.recovery.audit.installation import audit_script
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

TABLE = """
CREATE TABLE public.chat (id int PRIMARY KEY, is_open bool, seen timestamptz);
INSERT INTO public.chat VALUES (1, true, now() - interval '5 hours')
"""
SOURCE = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "seen",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "1h",
    "recovery": {"set": {"is_open": False}},
}

#: Of 19 sessions that live these are more than the share that may be lost together.
WAVE = """
INSERT INTO public.chat
SELECT n, true, now() - interval '65 minutes' FROM generate_series({}) AS n
"""
LIVING = """
INSERT INTO public.chat
SELECT n, true, now() - interval '1 minute' FROM generate_series(101, 119) AS n
"""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def resume(database: EmbeddedDatabase, tmp_path: Path) -> Command:
    execute(database, audit_script(), TABLE)
    config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": SOURCE})

    def resume(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run("resume", "chat", *arguments, "-c", config, folder=tmp_path)

    return resume


def stop(database: EmbeddedDatabase, ago: str, brake: str = "share") -> None:
    execute(
        database,
        "INSERT INTO session_exporter.stop (source, at, brake, why)"
        f" VALUES ('chat', now() - interval '{ago}', '{brake}', 'a wave')",
    )


def pause(database: EmbeddedDatabase, ago: str) -> None:
    execute(
        database,
        "INSERT INTO session_exporter.pause (source, paused_at, reason)"
        f" VALUES ('chat', now() - interval '{ago}', 'deploy')",
    )


def in_force(database: EmbeddedDatabase) -> list[str]:
    query = (
        "SELECT brake, at FROM session_exporter.stop WHERE resumed_at IS NULL"
        " UNION ALL SELECT 'pause', paused_at FROM session_exporter.pause WHERE resumed_at IS NULL"
    )
    return [brake for (brake,) in rows(database, f"SELECT brake FROM ({query}) AS a ORDER BY at")]


def named(shown: str) -> list[str]:
    """The arguments of the command that a plan prints, --yes among them."""
    *_, before, command = shown.splitlines()
    assert before.endswith("o resume what is shown, and nothing that begins later:")
    words = command.split()
    assert words[:4] == ["session-exporter", "resume", "chat", "--yes"]
    return words[3 : words.index("--config.file")]


def test_the_printed_command_ends_the_stop_that_was_shown_and_no_later_one(
    database: EmbeddedDatabase, resume: Command
) -> None:
    stop(database, "3 hours")
    command = named(resume().stdout)
    stop(database, "5 seconds", "returned")
    refused = resume(*command)
    assert refused.returncode == 1
    assert "chat (app): nothing was resumed: --only does not name what is on" in refused.stderr
    assert "(returned), because a wave" in refused.stdout
    assert in_force(database) == ["share", "returned"]
    done = resume(*named(refused.stdout), "--reason", "seen")
    assert (done.returncode, done.stderr) == (0, "")
    first, cause, *_ = done.stdout.splitlines()
    assert first == "chat (app) is resumed: 1 session was held"
    assert re.fullmatch(r"  it was stopped since \S+ \S+Z \(returned\), because a wave", cause)
    assert in_force(database) == ["share"]  # a resume ends what is older, too
    assert "nothing is held" in resume().stdout


@pytest.mark.parametrize("before", ["a stop", "a stop that a person has resumed", "a pause"])
def test_yes_alone_ends_no_stop_that_a_person_may_not_have_seen(
    database: EmbeddedDatabase, resume: Command, before: str
) -> None:
    if before == "a pause":
        pause(database, "20 minutes")
    else:
        stop(database, "3 hours")
    if before == "a stop that a person has resumed":
        assert resume("--yes").returncode == 0
    stop(database, "1 second")
    expected = in_force(database)
    refused = resume("--yes")
    assert refused.returncode == 1
    assert "nothing was resumed: the stop 2" in refused.stderr
    assert "1 session is held" in refused.stdout
    assert in_force(database) == expected
    done = resume(*named(refused.stdout))
    assert (done.returncode, done.stderr) == (0, "")
    assert "share" not in in_force(database) or before == "a stop"
    assert "nothing is held" in resume().stdout


def test_yes_alone_ends_a_stop_that_is_the_only_one_or_an_hour_old(
    database: EmbeddedDatabase, resume: Command
) -> None:
    stop(database, "2 seconds")
    stop(database, "1 second")  # by another exporter, of the same wave
    assert resume("--yes").returncode == 0
    execute(database, "DELETE FROM session_exporter.stop")
    pause(database, "5 hours")
    stop(database, "3 hours")
    stop(database, "61 minutes")
    done = resume("--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 session was held, and the pause of 2" in done.stdout
    assert in_force(database) == ["share"]
    assert "nothing is held" in resume().stdout


def test_a_script_that_has_paused_ends_its_pause_and_leaves_a_stop(
    database: EmbeddedDatabase, resume: Command
) -> None:
    pause(database, "20 minutes")
    stop(database, "1 second")
    done = resume("--yes", "--only", "pause", "--reason", "deploy is over")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is resumed: the pause of 2" in done.stdout
    assert "1 session is held" in done.stdout
    assert in_force(database) == ["share"]
    assert resume(*named(done.stdout)).returncode == 0
    assert in_force(database) == []
    again = resume("--yes", "--only", "pause")
    assert (again.returncode, again.stderr) == (0, "")
    assert "was not paused, and nothing is held" in again.stdout


def test_a_stop_that_no_exporter_has_written_is_named_with_how_much_it_holds(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(database, audit_script(), TABLE, LIVING, WAVE.format("2, 9"))
    automatic = {**SOURCE, "recovery": {"set": {"is_open": False}, "mode": "auto"}}
    config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": automatic})

    def resume(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run("resume", "chat", *arguments, "-c", config, folder=tmp_path)

    command = named(resume().stdout)
    assert command == ["--yes", "--only", "share-9"]
    execute(database, WAVE.format("10, 11"))
    for grown in command, ["--yes", "--only", "share"], ["--yes", "--only", "count-11"]:
        refused = resume(*grown)
        assert refused.returncode == 1
        assert "--only does not name what is on now (share-11)" in refused.stderr
    assert rows(database, "SELECT FROM session_exporter.stop") == []
    execute(database, "UPDATE public.chat SET seen = now() WHERE id = 11")
    done = resume(*named(refused.stdout))
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 sessions were held" in done.stdout


def test_what_is_named_is_resumed_in_the_database_that_has_it(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    other = create_database(database.server, f"{database.name} two")
    for each in database, other:
        execute(each, audit_script(), TABLE)
    stop(database, "3 hours")
    stop(other, "2 hours")
    dsns = {"one": {"dsn": database.dsn}, "two": {"dsn": other.dsn}}
    config = write_config(tmp_path, dsns, {"chat": {**SOURCE, "database": ["one", "two"]}})

    def resume(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run("resume", "chat", *arguments, "-c", config, folder=tmp_path)

    yes, *names = named(resume().stdout)
    done = resume(yes, *names[2:])  # that of the other database
    assert (done.returncode, done.stderr) == (0, "")
    assert "chat (two) is resumed" in done.stdout
    assert "chat (one) is stopped" in done.stdout
    assert (in_force(database), in_force(other)) == (["share"], [])
    assert named(done.stdout) == [yes, *names[:2]]
    again = resume(yes, *names[2:])
    assert again.returncode == 1
    assert "chat (one): nothing was resumed: --only does not name" in again.stderr
    assert in_force(database) == ["share"]
