"""`check --live` asks each list and owner source once, and says what it understood."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.check.evidence import EvidenceCheck
from exporter.check.findings import Status
from exporter.check.live import check_config
from exporter.config import load_config
from exporter.daemon.machine_clock import CLOCK
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.postgres import Database
from tests.support.network.answering import Answering, answering
from tests.support.servers.statements import execute

CALLS: dict[str, Any] = {
    "table": "public.calls",
    "active": "is_open",
    "started_at": "started",
    "id": "id",
    "orphaned_after": "2h",
}
SERVERS = {"table": {"table": "public.servers", "id": "name"}}


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(
        database,
        "CREATE TABLE public.calls (id int, server text, is_open bool DEFAULT true,"
        " started timestamptz DEFAULT now())",
        "INSERT INTO public.calls VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, NULL)",
        "CREATE TABLE public.servers (name text)",
        "INSERT INTO public.servers VALUES ('a'), ('c')",
    )
    return database


async def found(
    database: EmbeddedDatabase, folder: Path, source: dict[str, Any], **evidence: Any
) -> dict[str, tuple[str, str]]:
    """The status and the message of each check, without how long an answer took."""
    path = folder / "config.yaml"
    data = {"databases": {"app": {"dsn": database.dsn}}, "sources": {"calls": {**CALLS, **source}}}
    path.write_text(yaml.safe_dump({**data, **evidence}))
    config = load_config(path, {})
    pool = Database(config.databases["app"])
    try:
        return {
            each.check: (each.status.value, re.sub(r"\d+\.\d s\b|\b\d+s\b", "time", each.message))
            async for each in EvidenceCheck(config, CLOCK).check(pool, config.sources["calls"])
        }
    finally:
        await pool.close()


def lists(server: Answering, **settings: Any) -> dict[str, Any]:
    return {"live": {"urls": {"app": server.url("/live")}, **settings}}


async def test_a_list_is_shown_with_examples_and_what_is_not_in_it(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    items = [{"id": n, "at": 1767225600} for n in (1, 2, 3, 9)]
    seen = {"path": "at", "epoch": "s"}
    async with answering(live=items) as server:
        said = await found(
            calls, tmp_path, {"list": "live"}, lists=lists(server, last_seen_at=seen)
        )
    status, message = said["list live"]
    assert (status, message[:55]) == (
        Status.OK,
        "store app holds 4 sessions, answered within time: 1 (st",
    )
    assert "1 (started -, last seen 2026-01-01 00:00:00" in message
    assert said["list live and table"] == (
        Status.WARNING,
        "3 of 4 active rows are in it; not in it, and ghosts if that lasts: 4",
    )


@pytest.mark.parametrize(
    ("body", "check", "said"),
    [
        ((500, {}, b""), "list live", (Status.FAILED, "store app: answered 500")),
        (
            [{"id": "x"}],
            "list live and table",
            (Status.WARNING, "0 of 4 active rows are in it: are these the same ids?"),
        ),
        (
            [{"id": f"call-{n}"} for n in range(1, 4)],
            "list live and table",
            (
                Status.WARNING,
                (
                    "0 of 4 active rows are in it; 3 of 4 would match without 'call-' in front of "
                    "those of the answer: let id of the list, or of the source, give the same text"
                ),
            ),
        ),
        (
            [],
            "list live and table",
            (
                Status.WARNING,
                "0 of 4 active rows are in it: it is empty, which proves nothing",
            ),
        ),
        ([], "list live", (Status.WARNING, "store app holds 0 sessions, answered within time")),
        (
            [{"id": n, "at": 4e9} for n in range(1, 5)],
            "list live times",
            (
                Status.WARNING,
                (
                    "4 sessions were last seen in the future, which is no sign of life; is "
                    "last_seen_at in another unit or zone, or a clock wrong?"
                ),
            ),
        ),
        (
            [{"id": n} for n in range(1, 5)],
            "list live and table",
            (Status.OK, "4 of 4 active rows are in it"),
        ),
    ],
)
async def test_a_list_that_does_not_fit_says_so(
    calls: EmbeddedDatabase, tmp_path: Path, body: object, check: str, said: tuple[str, str]
) -> None:
    async with answering(live=body) as server:
        times = {"last_seen_at": {"path": "at", "epoch": "s"}}
        shown = await found(calls, tmp_path, {"list": "live"}, lists=lists(server, **times))
    assert shown[check] == said


async def test_a_path_that_finds_nothing_in_any_session_is_remarked_on(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    items = [{"id": n, "startedAt": "2026-01-01T00:00:00Z"} for n in (1, 2, 3, 4)]
    paths = {"started_at": "startedAt", "last_seen_at": "seen_at", "key": "user"}
    async with answering(live=items) as server:
        said = await found(calls, tmp_path, {"list": "live"}, lists=lists(server, **paths))
    assert "list live started_at" not in said
    assert said["list live last_seen_at"] == ("warning", "seen_at finds nothing in any session")
    assert said["list live key"] == ("warning", "user finds nothing in any session")


async def test_of_a_list_that_gives_no_answer_the_alert_is_not_known(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with answering(live=(503, {}, b"")) as server:
        path = tmp_path / "config.yaml"
        source = {"list": "live", "orphaned_after": "2h"}
        data = {"lists": lists(server, started_at="t"), "sources": {"calls": source}}
        path.write_text(yaml.safe_dump(data))
        said = {
            each.check: each.message async for each in check_config(load_config(path, {}), CLOCK)
        }
    assert said == {"list live": "store app: answered 503"}


async def test_an_empty_list_beside_a_table_without_active_rows_shows_nothing(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(calls, "UPDATE public.calls SET is_open = false")
    async with answering(live=[]) as server:
        said = await found(calls, tmp_path, {"list": "live"}, lists=lists(server))
    assert said["list live and table"] == (
        Status.WARNING,
        (
            "0 of 0 active rows are in it, and it is empty; nothing to compare: check again "
            "while sessions live"
        ),
    )


@pytest.mark.parametrize(
    ("change", "is_unique", "said"),
    [
        (
            "SELECT",
            True,
            (
                Status.WARNING,
                (
                    "2 live, answered within time; not among them, and dead after grace: b with 1 "
                    "session, which showed life time ago"
                ),
            ),
        ),
        (
            "SELECT",
            False,
            (
                Status.WARNING,
                (
                    "2 live, answered within time; not among them, and only shown, because "
                    "unique_per_start is false: b with 1 session, which showed life time ago"
                ),
            ),
        ),
        (
            "INSERT INTO public.servers VALUES ('b')",
            True,
            (
                Status.OK,
                "3 live, answered within time, and all 2 that hold sessions are among them",
            ),
        ),
        (
            "UPDATE public.servers SET name = name || '.local'",
            True,
            (
                Status.WARNING,
                (
                    "2 live, answered within time, and 0 of the 2 that hold sessions are among "
                    "them; 1 of 2 would match without '.local' after those of the answer: let "
                    "both give the same text"
                ),
            ),
        ),
        (
            "UPDATE public.servers SET name = 'x' || name || 'y'",
            True,
            (
                Status.WARNING,
                (
                    "2 live, answered within time, and none of those that hold sessions: are these "
                    "the same ids?"
                ),
            ),
        ),
    ],
)
async def test_owners_are_compared_with_those_that_hold_sessions(
    calls: EmbeddedDatabase, tmp_path: Path, change: str, is_unique: bool, said: tuple[str, str]
) -> None:
    execute(calls, change)
    owner = {"owner": {"of": "server", "in": "servers"}}
    declared = {"servers": {**SERVERS, "unique_per_start": is_unique}}
    assert (await found(calls, tmp_path, owner, owners=declared))["owners servers"] == said


@pytest.mark.parametrize(
    ("seen", "status", "said"),
    [
        ("now()", Status.OK, "the newest seen_at is time old"),
        (
            "now() - interval '50 s'",
            Status.WARNING,
            (
                "the newest seen_at is time old, and within is 1m: either no owner has reported "
                "since, or reports are rare, or clocks are late; write now() of the database, as "
                "the clock of a server may be off"
            ),
        ),
        (
            "now() + interval '3 min 30 s'",
            Status.WARNING,
            (
                "the newest seen_at is 3m time in the future: write now() of the database, as the "
                "clock of a server may be off"
            ),
        ),
        ("NULL", None, None),
    ],
)
async def test_owners_that_all_report_by_a_wrong_clock_are_remarked_on(
    calls: EmbeddedDatabase, tmp_path: Path, seen: str, status: object, said: str | None
) -> None:
    execute(
        calls,
        "ALTER TABLE public.servers ADD seen timestamptz",
        f"UPDATE public.servers SET seen = {seen}",
    )
    table = {**SERVERS["table"], "seen_at": "seen"}
    owner = {"owner": {"of": "server", "in": "servers"}}
    declared = {"servers": {"table": table, "unique_per_start": True}}
    shown = (await found(calls, tmp_path, owner, owners=declared)).get("owners servers clock")
    assert shown == (None if status is None else (status, said))


async def test_it_is_a_part_of_the_check_of_the_source(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    async with answering(live=[]) as server:
        await found(calls, tmp_path, {"list": "live"}, lists=lists(server))
        config = load_config(tmp_path / "config.yaml", {})
        said = [each async for each in check_config(config, CLOCK) if each.source == "calls"]
    assert "store app holds 0 sessions" in {each.check: each.message for each in said}["list live"]
