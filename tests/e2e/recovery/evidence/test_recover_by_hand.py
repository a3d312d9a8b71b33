"""`recover` by hand of a source with a list: what the list holds with life is never closed."""

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.network.answering import Answering, serving
from tests.support.processes.session_exporter import run, wait_for, write_config
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow

SOURCE: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "id": "id",
    "orphaned_after": "2h",
    "recovery": {"set": {"is_open": False}, "end_at": "now"},
}
HOUR = 3600


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """Eight sessions, all old by their rows."""
    execute(
        database,
        "CREATE TABLE public.calls (id int PRIMARY KEY, server text DEFAULT 'a',"
        " is_open bool DEFAULT true, started timestamptz DEFAULT now() - interval '5 hours')",
        "INSERT INTO public.calls (id) SELECT n FROM generate_series(1, 8) AS n",
        audit_script(),
    )
    return database


def item(number: int, *, silent: float = 0.0) -> dict[str, Any]:
    return {"id": number, "seen": time.time() - silent}


def config_in(folder: Path, database: EmbeddedDatabase, server: Answering) -> Path:
    lists = {
        "calls": {
            "urls": {"app": server.url("/calls")},
            "last_seen_at": {"path": "seen", "epoch": "s"},
            "timeout": "1s",
        }
    }
    source = {**SOURCE, "list": "calls"}
    return write_config(folder, {"app": {"dsn": database.dsn}}, {"calls": source}, lists=lists)


def recover(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("recover", "calls", "-c", path, *words, folder=path.parent)


def open_calls(database: EmbeddedDatabase) -> set[int]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.calls WHERE is_open")}


def test_a_person_closes_what_is_old_or_stale_and_nothing_that_lives(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    listed = [*(item(n) for n in (1, 2, 3)), *(item(n, silent=3 * HOUR) for n in (4, 5))]
    with serving(calls=listed) as server:
        path = config_in(tmp_path, calls, server)
        planned = recover(path, "--format", "json", "--despite-brake")
        (plan,) = json.loads(planned.stdout)
        causes = {int(each["id"]): each["cause"] for each in plan["plan"]["sessions"]}
        assert causes == {4: "stale_in_list", 5: "stale_in_list"} | dict.fromkeys((6, 7, 8), "age")
        assert plan["plan"]["would_close"] == 5
        said = recover(path).stdout
        assert "stale_in_list" in said
        assert "ghosts are known to the daemon alone" in said
        assert plan["plan"]["known_to_daemon_alone"] == ["ghost"]
        assert open_calls(calls) == set(range(1, 9))
        done = recover(path, "--yes", "--despite-brake")
        assert (done.returncode, open_calls(calls)) == (0, {1, 2, 3}), done.stderr
    audited = "SELECT session[1]::int, evidence ->> 'cause' FROM session_exporter.recovery"
    assert dict(rows(calls, audited)) == causes
    ((run_id,),) = rows(calls, "SELECT DISTINCT run::text FROM session_exporter.recovery")
    undone = run("undo", run_id, "-c", path, "--yes", folder=tmp_path)
    assert undone.returncode == 0, undone.stderr
    assert open_calls(calls) == set(range(1, 9))


def test_commands_that_ask_once_say_which_causes_they_cannot_know(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    with serving(calls=[item(n) for n in range(1, 8)]) as server:
        path = config_in(tmp_path, calls, server)
        told, counts, lists = (
            run(*words, "-c", path, folder=tmp_path)
            for words in (
                ("once",),
                ("once", "--format", "json"),
                ("orphans", "--format", "json"),
            )
        )
    assert "calls: ghosts are known to the daemon alone" in told.stdout
    ((counted,), (listed,)) = json.loads(counts.stdout), json.loads(lists.stdout)
    by_cause = {"ownerless": 0, "stale_in_list": 0, "ghost": None, "age": 1}
    assert counted["orphaned_by_cause"] == by_cause
    assert listed["known_to_daemon_alone"] == ["ghost"]


def test_what_is_stale_in_the_list_and_shows_life_in_its_row_is_left_alone(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, "UPDATE public.calls SET started = now() WHERE id <= 2")
    with serving(calls=[item(1), *(item(n, silent=3 * HOUR) for n in (2, 3))]) as server:
        path = config_in(tmp_path, calls, server)
        planned = recover(path, "--format", "json")
        (plan,) = json.loads(planned.stdout)
        assert plan["plan"]["would_close"] == len(plan["plan"]["sessions"]) == 6
        recover(path, "--yes", "--despite-brake", "--id", "2", "--id", "1", "--id", "3")
        assert open_calls(calls) == {1, 2, 4, 5, 6, 7, 8}


UNKNOWN = {
    "it fails": (503, {}, b""),
    "it is empty": [],
    "it holds other ids": [{"id": f"x{n}", "seen": 1} for n in range(5)],
    "it is no list": {"error": "not now"},
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
def test_while_it_is_unknown_what_the_list_holds_nothing_is_closed(
    calls: EmbeddedDatabase, tmp_path: Path, answer: object
) -> None:
    with serving(calls=answer) as server:
        path = config_in(tmp_path, calls, server)
        for words in ([], ["--yes", "--despite-brake"], ["--id", "8", "--yes", "--despite-brake"]):
            done = recover(path, *words)
            assert done.returncode == 1
            assert "nothing is closed while it is unknown" in done.stderr
    assert open_calls(calls) == set(range(1, 9))


def test_what_the_list_begins_to_hold_while_others_are_closed_is_not_closed(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    with serving(calls=[item(1)]) as server:
        path = config_in(tmp_path, calls, server)

        def list_the_rest() -> None:
            wait_for(lambda: len(open_calls(calls)) < 8, "the first is closed")
            server.answers["/calls"] = [item(n) for n in open_calls(calls)]

        beside = threading.Thread(target=list_the_rest)
        beside.start()
        done = recover(path, "--yes", "--despite-brake", "--batch", "1", "--pause", "3s")
        beside.join()
    assert done.returncode == 0, done.stderr
    assert len(open_calls(calls)) >= 6
    assert 1 in open_calls(calls)


def test_a_list_that_fails_on_the_way_ends_the_run(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    with serving(calls=[item(1)]) as server:
        path = config_in(tmp_path, calls, server)

        def fail() -> None:
            wait_for(lambda: len(open_calls(calls)) < 8, "the first is closed")
            server.answers["/calls"] = (500, {}, b"")

        beside = threading.Thread(target=fail)
        beside.start()
        done = recover(path, "--yes", "--despite-brake", "--batch", "1", "--pause", "3s")
        beside.join()
    assert done.returncode == 1
    assert "nothing is closed while it is unknown" in done.stderr
    assert len(open_calls(calls)) >= 6


@pytest.mark.parametrize("words", [("sql", "close", "calls"), ("sql", "function", "calls")])
def test_what_is_printed_cannot_ask_the_list_and_is_not_printed(
    calls: EmbeddedDatabase, tmp_path: Path, words: tuple[str, ...]
) -> None:
    with serving(calls=[item(1)]) as server:
        done = run(*words, "-c", config_in(tmp_path, calls, server), folder=tmp_path)
    assert done.returncode == 1
    assert "`session-exporter recover calls` asks it" in done.stderr


def test_with_owners_alone_what_is_printed_closes_by_age(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """A dead owner makes more sessions orphaned, and never fewer."""
    owners = {"servers": {"unique_per_start": True, "sql": "SELECT 'nobody'"}}
    source = {**SOURCE, "owner": {"of": "server", "in": "servers"}}
    path = write_config(tmp_path, {"app": {"dsn": calls.dsn}}, {"calls": source}, owners=owners)
    done = run("sql", "close", "calls", "--id", "3", "-c", path, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    execute(calls, "UPDATE public.calls SET started = now() WHERE id = 4")
    lines = [line for line in done.stdout.splitlines() if not line.startswith("\\set")]
    script = "\n".join(lines).replace("\n\\g /dev/null", ";").replace("{3}", "{3,4}")
    with calls.connect() as connection:
        # Whoever runs it cannot have it take a living owner for a dead one.
        connection.execute("SET session_exporter.dead_owners = '{\"a\"}'")
        connection.execute(script.encode())
    assert open_calls(calls) == {1, 2, 4, 5, 6, 7, 8}
    done = run("sql", "function", "calls", "-c", path, folder=tmp_path)
    assert (done.returncode, "dead_owners" in done.stdout) == (0, False)
    done = recover(path, "--yes", "--despite-brake")
    assert done.returncode == 0, done.stderr
    assert open_calls(calls) == {4}
