"""Automatic recovery by what owners and lists say: the dead are closed, the listed never."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.network.answering import serving
from tests.support.processes.session_exporter import Daemon, wait_for
from tests.support.recovery.automatic.daemons import brakes
from tests.support.recovery.automatic.trust import trust_all
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow

GRACE, EVERY = 1.5, 0.3

CALLS: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "last_seen_at": "seen",
    "id": "id",
    "orphaned_after": "2h",
    "every": "300ms",
    "daily": None,
    "recovery": {"mode": "auto", "grace": "1ms", "pause": "1ms", "set": {"is_open": False}},
}
OWNERS = {
    "servers": {
        "unique_per_start": True,
        "table": {"table": "public.servers", "id": "server", "seen_at": "reported", "within": "1s"},
        "grace": "1500ms",
        "every": "300ms",
    }
}


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    """Eighteen young sessions of a, and twelve of b."""
    execute(
        database,
        "CREATE TABLE public.calls (id int PRIMARY KEY, server text, is_open bool DEFAULT true,"
        " started timestamptz DEFAULT now() - interval '3 hours', seen timestamptz DEFAULT now())",
        "CREATE TABLE public.servers (server text PRIMARY KEY, reported timestamptz)",
        "INSERT INTO public.servers VALUES ('a', now()), ('b', now())",
        "INSERT INTO public.calls (id, server)"
        " SELECT n, CASE WHEN n <= 18 THEN 'a' ELSE 'b' END FROM generate_series(1, 30) AS n",
    )
    with database.connect() as connection:
        connection.execute(audit_script().encode())
    return database


def write(
    database: EmbeddedDatabase, folder: Path, source: dict[str, Any], **evidence: Any
) -> Path:
    path = folder / "config.yaml"
    app = {"dsn": database.dsn, "statement_timeout": "2s", "lock_timeout": "1s"}
    data = {"databases": {"app": app}, "sources": {"calls": {**CALLS, **source}}, **evidence}
    path.write_text(yaml.safe_dump(data))
    trust_all(path, dsn=database.dsn)
    return path


def lists(url: str, **settings: Any) -> dict[str, Any]:
    timing = {"ghost_after": "1500ms", "every": "300ms", "timeout": "1s"}
    return {"calls": {"urls": {"app": url}, **timing, **settings}}


def report(database: EmbeddedDatabase, *servers: str) -> None:
    for server in servers:
        execute(database, f"UPDATE public.servers SET reported = now() WHERE server = '{server}'")


def open_calls(database: EmbeddedDatabase) -> set[int]:
    return {id_ for (id_,) in rows(database, "SELECT id FROM public.calls WHERE is_open")}


def test_a_server_that_dies_takes_its_sessions_with_it_and_no_others(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """18 of 30 at once: neither a wave that needs a person, nor a budget."""
    path = write(calls, tmp_path, {"owner": {"of": "server", "in": "servers"}}, owners=OWNERS)
    with Daemon(path, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        began = time.monotonic()
        while time.monotonic() < began + 2 * GRACE:
            report(calls, "a", "b")
            time.sleep(0.1)
        assert len(open_calls(calls)) == 30
        died = time.monotonic()
        while len(open_calls(calls)) == 30:
            report(calls, "b")
            time.sleep(0.05)
            # On a busy machine b seems to be missing at times, after which a has to be for longer.
            assert time.monotonic() < died + 1 + 4 * GRACE + 6 * EVERY + 20, daemon.log
        report(calls, "b")
        page = daemon.wait_for_page(
            lambda page: page.value("sessions_recovered_total", trigger="auto") == 18, "all closed"
        )
        assert brakes(page) == set()
    assert open_calls(calls) == set(range(19, 31))
    causes = rows(
        calls,
        "SELECT DISTINCT evidence ->> 'cause', evidence ->> 'owner' FROM session_exporter.recovery",
    )
    assert causes == [("ownerless", "a")]


def test_what_a_server_held_that_dies_after_the_start_is_closed_within_the_grace_of_owners(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """The brake `grace` lasts for an hour; and more old sessions wait than a run has candidates."""
    execute(
        calls,
        "UPDATE public.calls SET seen = now() - interval '1 hour' WHERE server = 'a'",
        "UPDATE public.calls SET started = now() - interval '90 days',"
        " seen = now() - (id * interval '3 hours') WHERE id > 22",
    )
    recovery = {**CALLS["recovery"], "grace": "5m", "per_run": 3, "max_count": 1}
    source = {"owner": {"of": "server", "in": "servers"}, "recovery": recovery}
    path = write(calls, tmp_path, source, owners=OWNERS)
    with Daemon(path, folder=tmp_path) as daemon:
        deadline = time.monotonic() + 3 * EVERY
        while time.monotonic() < deadline:
            report(calls, "a", "b")  # an answer has both
            time.sleep(0.05)
        daemon.wait_until_ready()
        deadline = time.monotonic() + 1 + GRACE + 12 * EVERY + 30  # six runs on a busy machine
        while open_calls(calls) != set(range(19, 31)):
            report(calls, "b")
            time.sleep(0.05)
            assert time.monotonic() < deadline, daemon.log
        page = daemon.wait_for_page(lambda page: brakes(page) is not None, "recovery runs")
        assert brakes(page) == {"grace"}
    assert open_calls(calls) == set(range(19, 31))


def test_what_a_server_held_that_no_answer_has_had_is_counted_and_closed_by_age(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """It may have died before the start, or be one that the answers never list."""
    execute(calls, "DELETE FROM public.servers WHERE server = 'a'")
    execute(calls, "UPDATE public.calls SET seen = now() - interval '1 hour' WHERE server = 'a'")
    path = write(calls, tmp_path, {"owner": {"of": "server", "in": "servers"}}, owners=OWNERS)
    with Daemon(path, folder=tmp_path) as daemon:

        def is_counted() -> bool:
            report(calls, "b")
            return daemon.scrape().value("sessions_orphaned_by_cause", cause="ownerless") == 18

        wait_for(is_counted, "they are ownerless", every=0.05)
        for _ in range(20):
            report(calls, "b")
            time.sleep(EVERY / 2)
    assert len(open_calls(calls)) == 30


def test_what_a_server_held_that_last_reported_before_the_start_is_closed(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Its row in the table of servers shows that it is one of them: the exporter was down too."""
    execute(
        calls,
        "UPDATE public.servers SET reported = now() - interval '1 hour' WHERE server = 'a'",
        "UPDATE public.calls SET seen = now() - interval '1 hour' WHERE server = 'a'",
    )
    path = write(calls, tmp_path, {"owner": {"of": "server", "in": "servers"}}, owners=OWNERS)
    with Daemon(path, folder=tmp_path):

        def are_closed() -> bool:
            report(calls, "b")
            return open_calls(calls) == set(range(19, 31))

        wait_for(are_closed, "they are closed", every=0.05)


def test_while_it_is_unknown_who_lives_nothing_is_closed(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Not by age either: one session has been orphaned for long."""
    execute(calls, "UPDATE public.calls SET seen = now() - interval '5 hours' WHERE id = 30")
    path = write(calls, tmp_path, {"owner": {"of": "server", "in": "servers"}}, owners=OWNERS)
    execute(calls, "ALTER TABLE public.servers RENAME TO gone")
    with Daemon(path, folder=tmp_path) as daemon:
        page = daemon.wait_for_page(lambda page: brakes(page) == {"blind"}, "it is blind")
        time.sleep(2 * GRACE)
        # On a busy machine a value may be missing for a moment: it is kept for three intervals.
        later = daemon.wait_for_page(lambda page: brakes(page) is not None, "recovery runs")
        assert brakes(later) == {"blind"}
        assert page.value("sessions_orphaned") == 1
        assert len(open_calls(calls)) == 30
        execute(calls, "ALTER TABLE public.gone RENAME TO servers")
        deadline = time.monotonic() + 30
        while len(open_calls(calls)) == 30:
            report(calls, "a", "b")
            time.sleep(0.1)
            assert time.monotonic() < deadline, daemon.log
    assert open_calls(calls) == set(range(1, 30))


def test_what_a_list_holds_is_never_closed_and_a_ghost_is(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Session 1 is old and listed, 2 is old and listed as old, 3 is young and in no list."""
    execute(calls, "UPDATE public.calls SET seen = now() - interval '5 hours' WHERE id <= 2")
    now = time.time()
    items = [{"id": n, "at": now - (20000 if n == 2 else 0)} for n in range(1, 31) if n != 3]
    seen = {"path": "at", "epoch": "s"}
    with serving(app=[*items, {"id": 3, "at": now}]) as server:
        path = write(
            calls, tmp_path, {"list": "calls"}, lists=lists(server.url("/app"), last_seen_at=seen)
        )
        execute(calls, "UPDATE public.calls SET seen = now() - interval '1 minute' WHERE id = 3")
        with Daemon(path, folder=tmp_path) as daemon:
            daemon.wait_for_page(
                lambda page: page.value("sessions_orphaned_by_cause", cause="stale_in_list") == 1,
                "2 is stale",
            )
            time.sleep(2 * GRACE)
            assert len(open_calls(calls)) == 30
            server.answers["/app"] = items
            daemon.wait_for_page(
                lambda page: page.value("sessions_recovered_total", trigger="auto") == 1,
                "the ghost is closed",
            )
            time.sleep(GRACE)
    assert open_calls(calls) == {*range(1, 31)} - {3}
    assert rows(calls, "SELECT evidence ->> 'cause' FROM session_exporter.recovery") == [("ghost",)]


def test_before_it_closes_it_asks_again(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    """The first answer lacks a session that is old, and every later one has it."""
    asked = 0

    async def answer(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        body = json.dumps([{"id": n} for n in range(1 + (asked == 1), 31)])
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    with serving(app=answer) as server:
        path = write(
            calls, tmp_path, {"list": "calls"}, lists=lists(server.url("/app"), every="10m")
        )
        execute(calls, "UPDATE public.calls SET seen = now() - interval '5 hours' WHERE id = 1")
        with Daemon(path, folder=tmp_path) as daemon:
            daemon.wait_for_page(lambda _: asked >= 2, "it asks again")
            page = daemon.wait_for_page(
                lambda page: page.value("sessions_orphaned") == 0, "the list has it"
            )
            time.sleep(GRACE)
            assert page.value("sessions_live", store="app") == 30
    assert asked == 2
    assert len(open_calls(calls)) == 30
