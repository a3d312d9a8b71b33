"""The runbooks about owners and lists, each followed where its fault is real."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.monitoring.followed_runbooks import TABLE, Followed, config_of, orphans
from tests.support.network.answering import Answering, serving
from tests.support.processes.session_exporter import run
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow  # a database and a dozen commands for each runbook


@pytest.fixture
def has_audit() -> bool:
    return True


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(database, TABLE)
    return database


@pytest.fixture
def application() -> Iterator[Answering]:
    """Its list holds what the table holds."""
    with serving(one=live(range(1, 11)), two=live(range(1, 11))) as server:
        yield server


def live(ids: Any, silent: dict[int, float] | None = None) -> list[dict[str, Any]]:
    """What a store answers: each session, and when it was last seen as a Unix time."""
    seen = silent or {}
    return [{"id": each, "seen": seen.get(each, 4_000_000_000)} for each in ids]


def config(folder: Path, database: EmbeddedDatabase, server: Answering, **changes: Any) -> Path:
    urls = {name: server.url(f"/{name}") for name in changes.pop("stores", ["one"])}
    listed = {"urls": urls, "timeout": "1s", "items": "@", **changes.pop("listed", {})}
    return config_of(folder, database, list="live", lists={"live": listed}, **changes)


def test_the_sessions_of_a_dead_owner_are_closed_by_its_name(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        calls,
        """UPDATE public."Calls" SET server = 'b', seen = now() - interval '5 min' WHERE id > 7""",
        "CREATE TABLE public.servers (name text, at timestamptz)",
        "INSERT INTO public.servers VALUES ('a', now()), ('b', now() - interval '1 h')",
    )
    table = {"table": "public.servers", "id": "name", "seen_at": "at", "within": "1m"}
    path = config_of(
        tmp_path,
        calls,
        owner={"of": "server", "in": "servers"},
        owners={"servers": {"unique_per_start": True, "table": table}},
    )
    with Followed("SessionsOwnerless", calls, path, OWNER="b") as book:
        shown = book.run()
        assert "dead after grace: b with 3 sessions" in shown
        assert "3 would be closed" in shown
        assert "3 were closed" in book.run()
        book.run()
        assert [line.split("|")[:2] for line in book.ask()] == [["a", "7"]]


def test_ghosts_are_named_before_they_are_proved(
    calls: EmbeddedDatabase, tmp_path: Path, application: Answering
) -> None:
    application.answers["/one"] = live(range(1, 9))
    with Followed("SessionsGhosts", calls, config(tmp_path, calls, application)) as book:
        shown = book.run()
        assert "8 of 10 active rows are in it; not in it, and ghosts if that lasts: 1" in shown
        book.run()
        assert sum(int(line.split("|")[1]) for line in book.ask()) == 10


def test_what_a_list_holds_for_too_long_is_closed_by_its_id(
    calls: EmbeddedDatabase, tmp_path: Path, application: Answering
) -> None:
    execute(calls, orphans(21, 21))
    application.answers["/one"] = live([21, *range(1, 11)], {21: time.time() - 5 * 3600})
    seen = {"last_seen_at": {"path": "seen", "epoch": "s"}}
    path = config(tmp_path, calls, application, listed=seen)
    with Followed("SessionsStaleInList", calls, path, ID="21") as book:
        shown = book.run()
        assert re.search(r"holds 11 sessions, .*: 21 \(started -, last seen 20", shown)
        assert "stale_in_list" in shown
        assert "1 was closed" in book.run()
        book.run()
        assert len(book.ask()) == 10
    assert rows(calls, 'SELECT state FROM public."Calls" WHERE id = 21') == [("closed",)]


def test_what_recovery_closed_while_it_lived_is_paused_and_can_be_undone(
    calls: EmbeddedDatabase, tmp_path: Path, application: Answering
) -> None:
    execute(calls, orphans(21, 22))
    closing = config_of(tmp_path, calls)
    run("recover", "calls", "--yes", "-c", closing, folder=tmp_path)
    application.answers["/one"] = live([*range(1, 11), 21, 22])
    path = config(tmp_path, calls, application)
    with Followed("SessionsUntracked", calls, path) as book:
        shown = book.run()
        assert "holds 12 sessions" in shown
        assert " manual " in shown
        shown = book.run()
        assert "paused" in shown
        assert "2 are unchanged since and would be restored" in shown
        book.run()
        assert {line.split("|")[0] for line in book.ask()} == {"21", "22"}


def test_stores_that_disagree_show_how_many_each_holds(
    calls: EmbeddedDatabase, tmp_path: Path, application: Answering
) -> None:
    application.answers["/two"] = live(range(1, 4))
    path = config(tmp_path, calls, application, stores=["one", "two"], listed={"stores": "all"})
    with Followed("SessionsDisagreeing", calls, path) as book:
        shown = book.run()
        assert "store one holds 10 sessions" in shown
        assert "store two holds 3 sessions" in shown
        book.run()
        assert sum(int(line.split("|")[1]) for line in book.ask()) == 10


def test_evidence_that_gives_no_answer_is_named_with_what_came(
    calls: EmbeddedDatabase, tmp_path: Path, application: Answering
) -> None:
    application.answers["/one"] = (503, {}, b"deploying")
    with Followed("SessionsEvidenceDown", calls, config(tmp_path, calls, application)) as book:
        shown = book.run()
        assert "list live: store one: " in shown
        assert "503" in shown
        book.run()
        assert book.ask()
