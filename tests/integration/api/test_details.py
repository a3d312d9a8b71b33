"""Who sees what of sources in a real database, and what is kept of their rows at all."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.collection.job import Key
from exporter.daemon.app import Exporter
from exporter.daemon.http.access import Details
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.api.busy_exporter import HOSTILE, ask, busy_exporter
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a database with an audit for each

ACTIVE, DAILY = (Key("app", "chat", collector) for collector in ("active", "daily"))


@pytest.fixture
def has_audit() -> bool:
    return True


async def _collect(exporter: Exporter) -> None:
    for collection in exporter.collections:
        await collection.run()


async def _collect_until(exporter: Exporter, condition: Callable[[], bool]) -> None:
    """Rows take at most a hundredth of the time, so they are not read again at once."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
        await _collect(exporter)


def _orphans(exporter: Exporter) -> list[object]:
    snapshot = exporter.snapshots.states[ACTIVE].snapshot
    assert snapshot is not None
    return [each.id for each in snapshot.values.orphans.rows]


async def test_hostile_ids_and_columns_arrive_as_they_are_and_as_plain_ascii(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path) as exporter:
        answer = await ask(exporter, "orphans")
        assert [each["id"] for each in answer.body["orphans"]] == [HOSTILE, "a", "b"]
        assert answer.body["orphans"][0]["show"] == {"who": HOSTILE, "number": "1"}
        runs = await ask(exporter, "runs")
        assert runs.body["runs"][0]["reason"] == HOSTILE
        for each in (answer, runs, await ask(exporter, "sources")):
            assert each.headers["content-type"] == "application/json"
            assert each.text.isascii()
            assert "<" not in each.text
            assert each.text.endswith("\n")


async def test_without_details_there_are_counts_and_words_and_nothing_of_a_row(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path, Details.AUTHENTICATED) as exporter:
        execute(database, "ALTER TABLE public.chat DROP COLUMN who")
        await _collect(exporter)
        answer = await ask(exporter, "sources?source=chat")
        (chat,) = answer.body["sources"]
        assert answer.body["shows_details"] is False
        assert (chat["orphaned_count"], chat["standing"]) == (3, "above_limit")
        assert {each["reason"] for each in chat["collectors"]} == {"schema"}
        assert {each["failure"] for each in chat["collectors"]} == {None}
        assert chat["recovery"]["pause"]["since"] is not None
        for hidden in ("mallory", "alert(", "postgres", "who", "alive"):
            assert hidden not in answer.text
        for endpoint in ("orphans", "inconsistent", "runs", "config"):
            refused = await ask(exporter, endpoint)
            assert refused.status == 403
            assert refused.body == {"error": refused.body["error"]}
        seen = await ask(exporter, "sources?source=chat", details=Details.EVERYONE)
        assert "who" in seen.body["sources"][0]["collectors"][0]["failure"]


async def test_with_nobody_no_row_is_in_memory(database: EmbeddedDatabase, tmp_path: Path) -> None:
    async with busy_exporter(database, tmp_path, Details.NOBODY) as exporter:
        for state in exporter.snapshots.states.values():
            assert state.snapshot is not None
            assert getattr(state.snapshot.values, "orphans", None) is None
            assert getattr(state.snapshot.values, "inconsistent_rows", None) is None
        assert exporter.statuses.by_pair["app", "chat"].runs == ()
        # Not even for a request that would be answered.
        answer = await ask(exporter, "orphans", details=Details.EVERYONE)
        assert answer.body["orphans"] == []
        assert answer.body["shows_details"] is False


async def test_rows_are_read_again_when_what_is_counted_has_changed_and_only_then(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path) as exporter:

        def kept() -> object:
            snapshot = exporter.snapshots.states[ACTIVE].snapshot
            return None if snapshot is None else snapshot.values.orphans

        before = kept()
        await _collect(exporter)
        assert kept() is before
        # As many as before, and the same oldest one: another one takes the place of b.
        execute(
            database,
            "UPDATE public.chat SET seen = now() WHERE id = 'b'",
            "UPDATE public.chat SET seen = now() - interval '2 hours' WHERE id = 'c'",
        )
        await _collect_until(exporter, lambda: kept() is not before)
        assert _orphans(exporter) == [HOSTILE, "a", "c"]
        execute(database, "UPDATE public.chat SET is_open = false")
        await _collect(exporter)
        assert kept() is None


async def test_how_many_rows_are_kept_follows_who_can_see_them_and_how_many_sources_there_are(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path) as exporter:
        limit = exporter.row_limit
        assert _orphans(exporter) == [HOSTILE, "a", "b"]
        limit.may_be_seen = lambda: False
        await _collect(exporter)
        for key in (ACTIVE, DAILY):
            snapshot = exporter.snapshots.states[key].snapshot
            assert snapshot is not None
            assert snapshot.values.inconsistent_rows is None
            assert getattr(snapshot.values, "orphans", None) is None
        limit.may_be_seen = lambda: True
        await _collect(exporter)
        assert _orphans(exporter) == [HOSTILE, "a", "b"]
        before = exporter.snapshots.states[ACTIVE].snapshot
        assert before is not None
        limit.sources = 1000
        await _collect(exporter)
        after = exporter.snapshots.states[ACTIVE].snapshot
        assert after is not None
        assert after.values.orphans.read_at > before.values.orphans.read_at


async def test_a_column_that_cannot_be_shown_costs_no_count(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path) as exporter:
        execute(
            database,
            "UPDATE public.chat SET note = 'x', seen = seen + interval '1 s' WHERE id = 'b'",
        )
        await _collect_until(exporter, lambda: not _orphans(exporter))
        answer = await ask(exporter, "orphans?source=chat")
        (state,) = answer.body["lists"]
        assert state["failure"] == "a text does not have the format of its type"
        assert (state["orphaned_count"], state["listed_count"]) == (3, 0)
        assert exporter.snapshots.states[ACTIVE].failure is None


async def test_pages_of_a_list_fit_together(database: EmbeddedDatabase, tmp_path: Path) -> None:
    async with busy_exporter(database, tmp_path) as exporter:
        found = list[str]()
        offset: int | None = 0
        while offset is not None:
            answer = await ask(exporter, f"orphans?limit=2&offset={offset}&database=app")
            assert answer.body["total_count"] == 3
            found += [each["id"] for each in answer.body["orphans"]]
            offset = answer.body["next_offset"]
        assert found == [HOSTILE, "a", "b"]
        beyond = await ask(exporter, "orphans?offset=3")
        assert (beyond.body["orphans"], beyond.body["next_offset"]) == ([], None)
        names = [each["source"] for each in (await ask(exporter, "sources")).body["sources"]]
        assert names == ["calm", "chat"]


async def test_no_request_changes_anything_and_none_asks_the_database(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with busy_exporter(database, tmp_path) as exporter:
        await exporter.databases["app"].close()
        for endpoint in ("sources", "orphans", "inconsistent", "runs", "config"):
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                refused = await ask(exporter, endpoint, method=method)
                assert refused.status == 405
                assert refused.headers["allow"] == "GET, HEAD"
                assert refused.body == {"error": "method not allowed; use GET"}
            head = await ask(exporter, endpoint, method="HEAD")
            answer = await ask(exporter, endpoint)
            assert (head.status, answer.status) == (200, 200)
            assert answer.headers["cache-control"] == "no-store"
            assert int(head.headers["content-length"]) > 10
            json.dumps(answer.body, allow_nan=False)
