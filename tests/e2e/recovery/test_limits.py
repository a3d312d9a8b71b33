"""What --id, --older-than, --limit and --show do to the commands that change sessions."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.queries import literal
from exporter.text import shorten
from tests.support.processes.session_exporter import run, write_config
from tests.support.servers.statements import execute, rows

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]

TABLE = """
    CREATE TABLE public.chat (
        id {type} PRIMARY KEY, is_open boolean NOT NULL DEFAULT true, node text DEFAULT 'a',
        started timestamptz, seen timestamptz, ended timestamptz
    )
"""

SOURCE: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "2h",
    "owner": "node",
}
RECOVERY: dict[str, Any] = {
    "set": {"is_open": False, "ended": "{end}"},
    "pause": "1ms",
}

#: A longer silence has a higher number, and none of them is the order of the ids.
HOURS = {"5": 3, "3": 4, "1": 5, "4": 6, "2": 7}


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def command(database: EmbeddedDatabase, tmp_path: Path) -> Command:
    """Run a command with a config of its own."""

    def command(*arguments: str, recovery: dict[str, Any] | None = None, sources: int = 1) -> Done:
        declared = {**SOURCE, "recovery": {**RECOVERY, **(recovery or {})}}
        named = {f"chat{number or ''}": declared for number in range(sources)}
        config = write_config(tmp_path, {"app": {"dsn": database.dsn}}, named)
        return run(*arguments, "-c", config, folder=tmp_path)

    return command


@pytest.fixture
def five(database: EmbeddedDatabase, command: Command) -> EmbeddedDatabase:
    """Five orphans, one of the backlog, one that lives, and one that has ended."""
    make(database, "int", HOURS | {"8": 9 * 24, "6": 0})
    execute(database, "INSERT INTO chat (id, is_open, started) VALUES (7, false, now())")
    return database


def make(database: EmbeddedDatabase, type_: str, hours: dict[str, int]) -> None:
    """A table of chats whose id is of this type, each silent for so many hours."""
    execute(database, TABLE.format(type=type_))
    for id_, silent in hours.items():
        seen = f"now() - interval '{silent} hours'"
        execute(
            database,
            "INSERT INTO chat (id, started, seen)"
            f" VALUES ({literal(id_)}, {seen} - interval '1 minute', {seen})",
        )


def still_open(database: EmbeddedDatabase) -> set[str]:
    return {each for (each,) in rows(database, "SELECT id::text FROM chat WHERE is_open")}


def as_json(done: Done) -> dict[str, Any]:
    (item,) = json.loads(done.stdout)
    assert isinstance(item, dict)
    return item


def would_close(done: Done) -> int:
    found = re.search(r"^  (\d+) would be closed$", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return int(found[1])


RECOVER = ("recover", "chat")
CLOSE = ("close", "chat", "--owner", "a")

#: What is asked for, what it closes, and what the plan says of the rest.
CHOICES: dict[str, tuple[tuple[str, ...], set[str], tuple[str, ...]]] = {
    "one": ((*RECOVER, "--limit", "1"), {"2"}, ("4 are left alone: over --limit",)),
    "no rows shown": ((*RECOVER, "--limit=2", "--show=0"), {"2", "4"}, ("and 2 more",)),
    "one of the backlog": ((*RECOVER, "--backlog", "--limit", "1"), {"8"}, ("5 are left",)),
    "more than there are": ((*RECOVER, "--limit", "9" * 30), set("12345"), ()),
    "old ones": ((*RECOVER, "--older-than", "330m"), {"4", "2"}, ("not chosen by --older-than",)),
    "the two oldest of the old": (
        (*RECOVER, "--older-than", "270m", "--limit", "2"),
        {"4", "2"},
        ("2 are left alone: not chosen by --older-than", "1 is left alone: over --limit"),
    ),
    "named": (
        (*RECOVER, "--id", "03", "--id", "5", "--id", "3"),
        {"3", "5"},
        ("3 are left alone: not chosen by --id",),
    ),
    "named in vain": (
        (*RECOVER, *(f"--id={n}" for n in (1, 6, 7, 8, 99, 5)), "--older-than=250m"),
        {"1"},
        (
            "--id 6: not orphaned",
            "--id 7: not active",
            "--id 8: backlog, not seen for more than 7d; see --backlog",
            "--id 99: not found",
            "--id 5: seen within the last 4h10m (--older-than)",
        ),
    ),
    "named over the limit": (
        (*RECOVER, "--id", "5", "--id", "2", "--limit", "1"),
        {"2"},
        ("--id 5: over --limit",),
    ),
    "one of an owner": ((*CLOSE, "--limit", "1"), {"8"}, ("6 are left alone: over --limit",)),
    "live, of an owner": ((*CLOSE, "--id", "6"), {"6"}, ("6 are left alone: not chosen by --id",)),
    "old ones of an owner": ((*CLOSE, "--older-than", "410m"), {"2", "8"}, ()),
    "of no owner": ((*CLOSE[:-1], "b", "--id", "6"), set(), ("--id 6: not of this owner",)),
}  # fmt: skip


@pytest.mark.quick("one of the backlog", "over", "one of an owner")
@pytest.mark.parametrize(("arguments", "closed", "said"), CHOICES.values(), ids=CHOICES)
def test_the_plan_is_what_is_done_and_the_rest_is_left(
    five: EmbeddedDatabase,
    command: Command,
    arguments: tuple[str, ...],
    closed: set[str],
    said: tuple[str, ...],
) -> None:
    before = still_open(five)
    plan = command(*arguments)
    assert (plan.returncode, plan.stderr) == (0, "")
    assert would_close(plan) == len(closed)
    for sentence in said:
        assert sentence in plan.stdout
    assert still_open(five) == before
    done = command(*arguments, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert would_close(done) == len(closed)
    assert before - still_open(five) == closed


def test_the_longest_silent_are_done_first_one_by_one(
    five: EmbeddedDatabase, command: Command
) -> None:
    for left in range(4, -1, -1):
        done = command(*RECOVER, "--limit", "1", "--yes")
        assert ("left, because of --limit" in done.stdout) == bool(left)
    order = rows(five, "SELECT session[1] FROM session_exporter.recovery ORDER BY number")
    assert [each for (each,) in order] == ["2", "4", "1", "3", "5"]


@pytest.mark.slow  # it waits for a lock
def test_a_locked_session_of_a_stop_is_tried_again_and_no_other_instead(
    five: EmbeddedDatabase, command: Command
) -> None:
    with five.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT FROM chat WHERE id = 8 FOR UPDATE")
        done = command(*CLOSE, "--limit", "2", "--yes")
    assert done.returncode == 1
    assert "1 is still active: locked by another transaction" in done.stdout
    assert still_open(five) == {"1", "3", "4", "5", "6", "8"}


def test_brakes_are_judged_on_the_whole_source(five: EmbeddedDatabase, command: Command) -> None:
    execute(
        five,
        "UPDATE chat SET seen = now() - interval '130 minutes' - id * interval '1 minute',"
        " started = now() - interval '1 day' WHERE id < 6",
    )
    braked = {"max_count": 3}
    for limit in (("--limit", "1"), ("--id", "1"), ("--older-than", "133m")):
        done = command(*RECOVER, *limit, "--yes", recovery=braked)
        assert done.returncode == 1
        assert (
            "brake count: 5 sessions became orphaned together, more than max_count (3)"
            in done.stdout
        )
        assert "is on for the whole source, whatever part of it is to be closed" in done.stderr
    named = command(*RECOVER, "--id", "1", "--yes", recovery=braked)
    assert "add --despite-brake to close the sessions that --id names" in named.stderr
    assert len(still_open(five)) == 7
    passed = command(*RECOVER, "--id", "1", "--yes", "--despite-brake", recovery=braked)
    assert passed.returncode == 0
    assert still_open(five) == set("234568")


def test_ends_that_are_still_to_come_are_counted_of_what_is_done(
    five: EmbeddedDatabase, command: Command
) -> None:
    ends = {"end_at": "CASE WHEN s.id IN (1, 2) THEN now() + interval '1 h' ELSE s.seen END"}
    assert "2 sessions would get an end" in command(*RECOVER, recovery=ends).stdout
    assert "1 session would" in command(*RECOVER, "--limit", "2", recovery=ends).stdout
    assert "an end" not in command(*RECOVER, "--id", "3", recovery=ends).stdout


HOSTILE = ["it's", '"', "\\", "\\'; DROP TABLE chat; --", "a\nb", "", "a,b", "{}", "%s {id}", " "]


def test_a_hostile_id_names_its_own_session_alone(
    database: EmbeddedDatabase, command: Command
) -> None:
    others = ["a", "b", "its", "NULL", "\\\\", "x" * 3000]
    make(database, "text", dict.fromkeys(HOSTILE + others, 3) | {"lives": 0})
    named = [f"--id={each}" for each in HOSTILE]
    absent = ["'", "a,c", "y" * 50_000, "it''s", "\\n"]
    asked = (*RECOVER, *named, *(f"--id={each}" for each in absent), "--despite-brake")
    done = command(*asked, "--format", "json", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    found = as_json(done)
    assert found["plan"]["ids_left_alone"] == dict.fromkeys(absent, "not found")
    assert found["outcome"]["closed"] == len(HOSTILE)
    assert still_open(database) == {*others, "lives"}
    undone = command("undo", found["run"], "--id=it's", "--id=a,b", "--id=a", "--yes")
    assert "--id a: not of this run" in undone.stdout
    assert still_open(database) == {*others, "lives", "it's", "a,b"}


UUIDS = [f"9f3c5d0e-0000-4000-8000-0000000000a{n}" for n in range(3)]


@pytest.mark.quick("varchar")
@pytest.mark.parametrize(
    ("type_", "ids", "given", "refused"),
    [
        ("int", ["17", "18"], " 017", ["x", "", "1,2", "9999999999", "1'", "1" * 40_000]),
        ("uuid", UUIDS, UUIDS[0].upper(), ["x", "", UUIDS[0][:-1], "{", UUIDS[0] + "'"]),
        ("varchar(3)", ["abc", "abd"], "abc", []),
        ("char(3)", ["a", "abc"], "a", []),
    ],
    ids=["int", "uuid", "varchar", "char"],
)
def test_an_id_is_compared_in_the_type_of_its_column(
    database: EmbeddedDatabase,
    command: Command,
    *,
    type_: str,
    ids: list[str],
    given: str,
    refused: list[str],
) -> None:
    make(database, type_, dict.fromkeys(ids, 3))
    for each in refused:
        done = command(*RECOVER, f"--id={ids[0]}", f"--id={each}", "--yes")
        assert done.returncode == 2
        assert done.stderr.startswith("session-exporter: --id: the id of chat is of type ")
        assert f"and {shorten(each)!a} is not a value of it" in done.stderr
    if not refused:  # a cast to the column's type would cut it to the other's id
        longer = command(*RECOVER, f"--id={ids[-1]}x", "--yes", "--despite-brake")
        assert f"--id {ids[-1]}x: not found" in longer.stdout
    before = still_open(database)
    done = command(*RECOVER, f"--id={given}", "--yes", "--despite-brake")
    assert "1 was closed" in done.stdout
    assert len(before - still_open(database)) == 1
    undone = command("undo", as_run(done), f"--id={given}", "--yes")
    assert "1 was undone" in undone.stdout


def as_run(done: Done) -> str:
    found = re.search(r"session-exporter undo (\S+)", done.stdout)
    assert found, done.stdout + done.stderr
    return found[1]


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "younger": (
        (*RECOVER, "--older-than", "1h"),
        "--older-than: expected at least 2h, which is orphaned_after of chat, got '1h'",
    ),
    "younger of a stop": ((*CLOSE, "--older-than", "119m"), "--older-than: expected at least 2h"),
    "no duration": ((*RECOVER, "--older-than", "soon"), "--older-than: expected a duration"),
    "no UTF-8": ((*RECOVER, "--id", "\udcff"), "--id: expected text in UTF-8, got '\\udcff'"),
    "no UTF-8 to undo": (("undo", "0" * 32, "--id", "\udcff"), "--id: expected text in UTF-8"),
    "short": (("undo", "1234567"), "RUN: expected the id of a run"),
    "no digits": (("undo", "12345678'"), "RUN: expected the id of a run"),
    "surrogate": (("undo", "1234567\udcff"), "RUN: expected the id of a run"),
    "unknown": (("undo", "12345678"), "no run 12345678 in any database"),
}


@pytest.mark.quick("younger", "UTF-8", "unknown")
@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_a_sentence(
    five: EmbeddedDatabase, command: Command, arguments: tuple[str, ...], sentence: str
) -> None:
    done = command(*arguments, "--yes")
    assert done.returncode == 2
    assert done.stderr.startswith(f"session-exporter: {sentence}")
    assert len(still_open(five)) == 7


def test_a_limit_of_nothing_is_refused(five: EmbeddedDatabase, command: Command) -> None:
    for arguments in (RECOVER, CLOSE, ("undo", "0" * 32)):
        done = command(*arguments, "--limit", "0", "--yes")
        assert done.returncode == 2
        assert "Invalid value for '--limit'" in done.stderr


def test_an_undo_is_limited_too(five: EmbeddedDatabase, command: Command) -> None:
    run_ = as_run(command(*RECOVER, "--yes"))
    execute(five, "UPDATE chat SET ended = now() WHERE id = 1", "DELETE FROM chat WHERE id = 5")
    limited = ("undo", run_[:8].upper(), *(f"--id={n}" for n in (1, 2, 3, 4, 5, 6)), "--limit=2")
    plan = command(*limited, "--show", "1")
    assert "2 are unchanged since and would be restored" in plan.stdout
    assert "… and 1 more; --show 2 shows all" in plan.stdout
    assert "1 is left alone: over --limit" in plan.stdout
    changed = "1: what was written was changed since"
    for sentence in (changed, "5: gone", "6: not of this run"):
        assert f"--id {sentence}" in plan.stdout
    assert "2 were undone" in command(*limited, "--yes").stdout
    assert len(still_open(five)) == 4
    assert "--id 2: undone before" in command("undo", run_, "--id", "2").stdout
    assert "1 was undone" in command("undo", run_, "--limit", "7", "--yes").stdout
    assert still_open(five) == set("23468")


def test_a_beginning_of_several_runs_is_refused_with_all_of_them(
    five: EmbeddedDatabase, command: Command
) -> None:
    for source in ("chat", "chat1"):
        command("recover", source, "--limit", "1", "--yes", sources=2)
    ids = [f"abcdef12-34{n}0-4000-8000-000000000000" for n in range(2)]
    for number, id_ in enumerate(ids, 1):
        execute(five, f"UPDATE session_exporter.recovery SET run = '{id_}' WHERE number = {number}")
    for beginning in ("abcdef12", "ABCDEF12-34"):
        done = command("undo", beginning, "--yes", sources=2)
        assert done.returncode == 2
        assert f"{beginning} is the beginning of several runs: {', '.join(ids)}" in done.stderr
    assert len(still_open(five)) == 5
    assert "1 was undone" in command("undo", "abcdef12-341", "--yes", sources=2).stdout


def test_json_is_one_document_of_the_plan_and_of_what_was_done(
    five: EmbeddedDatabase, command: Command
) -> None:
    asked = (*RECOVER, "--limit", "2", "--show", "1", "--format", "json")
    plan = as_json(command(*asked))
    assert (plan["source"], plan["database"], plan["run"], plan["outcome"]) == (
        "chat", "app", None, None,
    )  # fmt: skip
    assert plan["plan"]["would_close"] == 2
    assert plan["plan"]["left_alone"]["backlog"] == 1
    assert plan["plan"]["left_alone"]["over_limit"] == 3
    (session,) = plan["plan"]["sessions"]
    assert session["id"] == "2"
    assert 7 * 3600 <= session["silence_seconds"] < 7 * 3600 + 60
    assert session["becomes"]["is_open"] == "false"
    done = as_json(command(*asked, "--yes"))
    outcome = {"closed": 2, "skipped": 0, "locked": 0, "refused": {}, "complete": True}
    assert done["outcome"] == outcome
    undo = as_json(command("undo", done["run"][:8], "--format", "json", "--yes"))
    assert (undo["run"], undo["plan"]["would_restore"]) == (done["run"], 2)
    assert undo["outcome"] == {"undone": 2, "skipped": 0, "refused": {}, "complete": True}
    stop = as_json(command(*CLOSE, "--format", "json", "--id", "1", "--yes"))
    assert (stop["plan"]["would_close"], stop["outcome"]) == (1, outcome | {"closed": 1})
    execute(five, "UPDATE chat SET seen = now() - interval '90 minutes' WHERE id = 6")  # silent
    braked = command(*asked, "--yes")
    assert braked.returncode == 1
    assert as_json(braked)["outcome"] is None
    assert as_json(braked)["plan"]["brakes"]


def test_a_limit_is_one_for_all_databases_of_a_source(
    five: EmbeddedDatabase, command: Command, tmp_path: Path
) -> None:
    declared = {**SOURCE, "database": ["app", "same"], "recovery": RECOVERY}
    both = {name: {"dsn": five.dsn} for name in declared["database"]}
    config = write_config(tmp_path, both, {"chat": declared})
    done = run(*RECOVER, "--limit", "1", "--yes", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"(\d+) would be closed", done.stdout) == ["1", "0"]
    assert still_open(five) == set("134568")
