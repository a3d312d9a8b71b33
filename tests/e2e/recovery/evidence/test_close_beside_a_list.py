"""`close` of a source with a list: what the list still holds stays open, unless a flag says not."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.network.answering import Answering, serving
from tests.support.processes.session_exporter import run, wait_for, write_config
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow  # a process of its own for each command

SOURCE: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "id": "id",
    "orphaned_after": "2h",
    "owner": "server",
    "list": "calls",
    "recovery": {"set": {"is_open": False}, "end_at": "now"},
}


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """Six sessions of one server, two of another; none is old."""
    execute(
        database,
        "CREATE TABLE public.calls (id int PRIMARY KEY, server text, is_open bool DEFAULT true,"
        " started timestamptz DEFAULT now() - interval '10 minutes')",
        "INSERT INTO public.calls (id, server)"
        " SELECT n, CASE WHEN n <= 6 THEN 'a' ELSE 'b' END FROM generate_series(1, 8) AS n",
        audit_script(),
    )
    return database


def config_in(folder: Path, database: EmbeddedDatabase, server: Answering) -> Path:
    lists = {
        "calls": {
            "urls": {"app": server.url("/calls")},
            "last_seen_at": {"path": "seen", "epoch": "s"},
            "timeout": "1s",
        }
    }
    return write_config(folder, {"app": {"dsn": database.dsn}}, {"calls": SOURCE}, lists=lists)


def close(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("close", "calls", "-c", path, *words, folder=path.parent)


def held(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in numbers]


def open_calls(database: EmbeddedDatabase) -> set[int]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.calls WHERE is_open")}


def test_what_the_list_still_holds_of_an_owner_is_shown_apart_and_stays_open(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    stale = {"id": 3, "seen": 1}
    with serving(calls=[*held(1, 2, 7, 8), stale]) as server:
        path = config_in(tmp_path, calls, server)
        (planned,) = json.loads(close(path, "--owner", "a", "--format", "json").stdout)
        plan = planned["plan"]
        assert (plan["concerned"], plan["would_close"]) == (6, 4)
        assert (plan["left_alone"]["listed"], plan["listed"]) == (2, ["1", "2"])
        assert {each["id"] for each in plan["sessions"]} == {"3", "4", "5", "6"}
        named = close(path, "--owner", "a", "--id", "1", "--id", "4").stdout
        assert "--id 1: still in list calls; --even-live closes them too" in named
        done = close(path, "--owner", "a", "--yes")
        assert done.returncode == 0, done.stderr
        assert "2 are left alone: still in list calls; --even-live closes them" in done.stdout
        assert "in list calls: 1, 2\n" in done.stdout
        assert open_calls(calls) == {1, 2, 7, 8}
        assert "in list calls: 1, and 1 more\n" in close(path, "--owner", "a", "--show", "1").stdout
        assert close(path, "--owner", "a", "--even-live", "--yes").returncode == 0
        assert open_calls(calls) == {7, 8}
    audited = (
        "SELECT r.session[1]::int, run.rule -> 'even_live'"
        " FROM session_exporter.recovery AS r JOIN session_exporter.run AS run USING (run)"
    )
    assert dict(rows(calls, audited)) == dict.fromkeys((3, 4, 5, 6), False) | {1: True, 2: True}


UNKNOWN: dict[str, object] = {
    "it fails": (503, {}, b""),
    "it is empty": [],
    "it is no list": {"error": "not now"},
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("which", [("--owner", "a"), ("--all",)])
def test_while_it_is_unknown_what_the_list_holds_only_the_flag_closes(
    calls: EmbeddedDatabase, tmp_path: Path, which: tuple[str, ...], answer: object
) -> None:
    with serving(calls=answer) as server:
        path = config_in(tmp_path, calls, server)
        for words in ([], ["--yes"]):
            done = close(path, *which, *words)
            assert done.returncode == 1
            assert "nothing is closed while it is unknown which sessions" in done.stderr
            assert done.stderr.endswith("; --even-live closes without it\n")
        assert open_calls(calls) == set(range(1, 9))
        done = close(path, *which, "--yes", "--even-live")
        assert done.returncode == 0, done.stderr
    assert open_calls(calls) == ({7, 8} if "--owner" in which else set())


def test_what_the_list_begins_to_hold_while_others_are_closed_stays_open(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    with serving(calls=held(7, 8)) as server:
        path = config_in(tmp_path, calls, server)

        def list_the_rest() -> None:
            wait_for(lambda: len(open_calls(calls)) < 8, "the first is closed")
            server.answers["/calls"] = held(*open_calls(calls))

        beside = threading.Thread(target=list_the_rest)
        beside.start()
        done = close(path, "--owner", "a", "--yes", "--batch", "1", "--pause", "3s")
        beside.join()
    assert done.returncode == 0, done.stderr
    assert "skipped: ended, moved to another owner, active again, or in list calls" in done.stdout
    assert len(open_calls(calls)) >= 6


def test_all_is_refused_while_the_list_holds_a_session(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    with serving(calls=held(1, 2)) as server:
        path = config_in(tmp_path, calls, server)
        done = close(path, "--all", "--yes")
    assert done.returncode == 1
    assert "2 of 8 active sessions showed life within the last 1m or are in list calls" in (
        done.stderr
    )
    assert open_calls(calls) == set(range(1, 9))
