"""What owners and lists say reaches /metrics: a server that dies, stores that disagree."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.network.answering import Answering, serving
from tests.support.processes.session_exporter import (
    Daemon,
    Page,
    run,
    wait_for,
)
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow

#: Owners and lists are asked, and the table is read, this often; owners are dead, and sessions
#: ghosts, after this time. In seconds.
EVERY, GRACE = 0.3, 1.5

CALLS: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "id": "id",
    "orphaned_after": "2h",
    "every": "300ms",
    "daily": None,
}


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """Twelve sessions of two servers, all young."""
    execute(
        database,
        "CREATE TABLE public.calls (id int PRIMARY KEY, server text, is_open bool DEFAULT true,"
        " started timestamptz DEFAULT now() - interval '10 minutes')",
        "CREATE TABLE public.servers (server text PRIMARY KEY, reported timestamptz)",
        "INSERT INTO public.servers VALUES ('a', now()), ('b', now())",
        "INSERT INTO public.calls (id, server)"
        " SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 12) AS n",
    )
    return database


@contextmanager
def watching(
    database: EmbeddedDatabase, folder: Path, source: dict[str, Any], **evidence: Any
) -> Iterator[Daemon]:
    path = folder / "config.yaml"
    app = {"dsn": database.dsn, "statement_timeout": "2s", "lock_timeout": "1s"}
    data = {"databases": {"app": app}, "sources": {"calls": {**CALLS, **source}}, **evidence}
    path.write_text(yaml.safe_dump(data))
    with Daemon(path, folder=folder) as daemon:
        daemon.wait_until_ready()
        yield daemon


def report(database: EmbeddedDatabase, *servers: str) -> None:
    for server in servers:
        execute(database, f"UPDATE public.servers SET reported = now() WHERE server = '{server}'")


def by_cause(page: Page) -> dict[str, float]:
    causes = ("age", "ownerless", "ghost", "stale_in_list")
    found = {each: page.value("sessions_orphaned_by_cause", cause=each) for each in causes}
    return {each: count for each, count in found.items() if count}


OWNERS = {
    "servers": {
        "unique_per_start": True,
        "table": {"table": "public.servers", "id": "server", "seen_at": "reported", "within": "1s"},
        "grace": "1500ms",
        "every": "300ms",
    }
}


def test_the_sessions_of_a_server_that_dies_are_ownerless_after_grace(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    owner = {"owner": {"of": "server", "in": "servers"}}
    with watching(calls, tmp_path, owner, owners=OWNERS) as daemon:
        began = time.monotonic()
        while time.monotonic() < began + 2 * GRACE:
            report(calls, "a", "b")
            page = daemon.scrape()
            assert (by_cause(page), page.value("sessions_orphaned")) == ({}, 0)
            time.sleep(0.1)
        died = time.monotonic()
        while not (found := by_cause(daemon.scrape())):
            report(calls, "a")
            time.sleep(0.05)
            # Its last report counts for a second.
            assert time.monotonic() < died + 1 + GRACE + 4 * EVERY + 1, daemon.log
        assert time.monotonic() - died > GRACE
        assert found == {"ownerless": 6}
        page = daemon.scrape()
        assert page.value("sessions_orphaned") == 6
        assert page.value("session_exporter_evidence_up", evidence="servers") == 1
        execute(calls, "UPDATE public.servers SET reported = now() + interval '1 hour'")
        daemon.wait_for_page(lambda page: by_cause(page) == {}, "it lives again")


def test_blind_is_not_dead(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    """No owner lives by the answer, the table is gone, or cannot be read: unknown."""
    owner = {"owner": {"of": "server", "in": "servers"}}
    with watching(calls, tmp_path, owner, owners=OWNERS) as daemon:
        report(calls, "a", "b")
        up = "session_exporter_evidence_up"
        daemon.wait_for_page(lambda page: page.value(up) == 1, "both are known")
        time.sleep(GRACE + 1)
        daemon.wait_for_page(lambda page: page.value(up) == 0, "nobody reports")
        execute(calls, "ALTER TABLE public.servers RENAME TO gone")
        time.sleep(GRACE + 2 * EVERY)
        page = daemon.scrape()
        assert (by_cause(page), page.value("sessions_active"), page.value(up)) == ({}, 12, 0)
        assert page.succeeds("calls")
        assert "evidence_unknown" in daemon.log
        execute(calls, "ALTER TABLE public.gone RENAME TO servers")
        report(calls, "a", "b")
        daemon.wait_for_page(lambda page: page.value(up) == 1, "both are known again")


def lists(server: Answering, *stores: str, **settings: Any) -> dict[str, Any]:
    return {
        "calls": {
            "urls": {store: server.url(f"/{store}") for store in stores},
            "ghost_after": "1500ms",
            "every": "300ms",
            "timeout": "1s",
            **settings,
        }
    }


def entries(*ids: int) -> list[dict[str, int]]:
    return [{"id": each} for each in ids]


def test_a_session_that_the_list_lacks_is_a_ghost_and_one_that_the_table_lacks_untracked(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    with (
        serving(app=entries(*range(1, 13))) as server,
        watching(calls, tmp_path, {"list": "calls"}, lists=lists(server, "app")) as daemon,
    ):
        daemon.wait_for_page(
            lambda page: page.value("sessions_live", store="app") == 12, "the list is known"
        )
        time.sleep(GRACE + 3 * EVERY)
        assert by_cause(daemon.scrape()) == {}
        server.answers["/app"] = entries(*range(1, 12), 99)
        began = time.monotonic()
        page = daemon.wait_for_page(lambda page: by_cause(page) == {"ghost": 1}, "12 is a ghost")
        assert GRACE - EVERY < time.monotonic() - began < GRACE + 4 * EVERY + 1
        assert page.value("sessions_orphaned") == 1
        daemon.wait_for_page(lambda page: page.value("sessions_untracked") == 1, "99 is untracked")
        server.answers["/app"] = (500, {}, b"")
        page = daemon.wait_for_page(
            lambda page: page.value("session_exporter_evidence_up") == 0, "the list is down"
        )
        wait_for(
            lambda: "</b>: unknown: store app: answered 500" in daemon.get("/").text, "it says why"
        )
        server.answers["/app"] = entries(*range(1, 13))
        daemon.wait_for_page(
            lambda page: (by_cause(page), page.value("session_exporter_evidence_up")) == ({}, 1),
            "all are listed",
        )


def test_what_the_list_holds_is_not_orphaned_by_age(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """As long as the list can be read, and unless its own sign of life is old."""
    execute(calls, "UPDATE public.calls SET started = now() - interval '3 hours' WHERE id <= 4")
    now = time.time()
    items = [{"id": n, "seen": now - (8000 if n == 1 else 0)} for n in range(1, 4)]
    settings = {"last_seen_at": {"path": "seen", "epoch": "s"}, "ghost_after": "1h"}
    with (
        serving(app=items + entries(*range(5, 13))) as server,
        watching(
            calls, tmp_path, {"list": "calls"}, lists=lists(server, "app", **settings)
        ) as daemon,
    ):
        daemon.wait_for_page(
            lambda page: by_cause(page) == {"stale_in_list": 1, "age": 1}, "1 is stale, 4 is old"
        )
        done = run("orphans", "-c", tmp_path / "config.yaml", "--format", "json", folder=tmp_path)
        (shown,) = json.loads(done.stdout)
        causes = {each["id"]: each["cause"] for each in shown["orphans"]}
        assert (causes, done.stderr) == ({"1": "stale_in_list", "4": "age"}, "")
        server.answers["/app"] = (503, {}, b"")
        done = run("orphans", "-c", tmp_path / "config.yaml", "--format", "json", folder=tmp_path)
        assert done.stderr == (
            "session-exporter: calls: store app: answered 503;"
            " sessions that no list holds are judged by age alone\n"
        )
        assert json.loads(done.stdout)[0]["orphaned_count"] == 4
        done = run("orphans", "-c", tmp_path / "config.yaml", folder=tmp_path)
        assert done.stdout.splitlines()[0] == (
            "calls (app): orphaned_count 4, stale in the list or not seen for more than 2h;"
            " ghosts are known to the daemon alone"
        )
        done = run("once", "-c", tmp_path / "config.yaml", folder=tmp_path)
        assert done.stderr == (
            "session-exporter: calls: store app: answered 503; age decides as without it\n"
        )
        server.answers["/app"] = []
        done = run("once", "-c", tmp_path / "config.yaml", folder=tmp_path)
        assert done.stderr == (
            "session-exporter: calls: it is empty while 12 sessions are active;"
            " age decides as without it\n"
        )
        server.answers["/app"] = (503, {}, b"")
        page = daemon.wait_for_page(lambda page: by_cause(page) == {"age": 4}, "age alone decides")
        assert page.value("session_exporter_evidence_up", evidence="calls") == 0


def test_stores_that_should_hold_the_same_disagree_within_two_intervals(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    everything = entries(*range(1, 13))
    with (
        serving(start=everything, end=everything) as server,
        watching(
            calls, tmp_path, {"list": "calls"}, lists=lists(server, "start", "end", stores="all")
        ) as daemon,
    ):
        daemon.wait_for_page(lambda page: page.value("sessions_disagreeing") == 0, "they agree")
        assert "<b>list calls</b>: known" in daemon.get("/").text
        server.answers["/end"] = []
        began = time.monotonic()
        daemon.wait_for_page(lambda page: page.value("sessions_disagreeing") == 12, "one is empty")
        assert time.monotonic() - began < 3 * EVERY + 1
        assert by_cause(daemon.scrape()) == {}
