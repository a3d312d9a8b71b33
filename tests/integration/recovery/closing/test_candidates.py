"""Candidates come in pages, and each of them once, whatever happens between two pages."""

from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.close.batches import CloseRun
from exporter.recovery.close.by_statements import StatementCloser
from exporter.recovery.close.candidates import find_candidates
from tests.support.recovery.close_runs import close_found
from tests.support.recovery.planned_stops import chat, prepare, run, still_open, stopping

ORPHAN = {"started": "now() - interval '4 hours'", "seen": "now() - interval '3 hours'"}
LIVE = {"started": "now() - interval '4 hours'", "seen": "now()"}


@pytest.mark.quick("text--2", "uuid--2", "timestamptz--5")
@pytest.mark.parametrize("page", [1, 2, 4, 5, 6, 100])
@pytest.mark.parametrize(
    ("type_", "ids"),
    [
        ("text", ["", "B", "a", "it's \\ one", "ä"]),
        ('text COLLATE "C"', ["Z", "a", "b", "é", "~"]),
        ("varchar(5)", ["1", "10", "2", "2 ", "x"]),
        ("char(4)", ["1", "10", "2", "abc", "abcd"]),
        ("bigint", ["-3", "0", "5", "10", "9"]),
        ("double precision", ["-Infinity", "-0.1", "1e-300", "0.30000000000000004", "NaN"]),
        ("uuid", [f"{n}f3c5d0e-0000-4000-8000-0000000000aa" for n in (3, 1, 2, 9, 8)]),
        ("timestamptz", [f"2026-03-29 0{n}:30:00.123456+00" for n in (3, 1, 2, 0, 4)]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_pages_hold_every_candidate_once(
    database: EmbeddedDatabase, tmp_path: Path, type_: str, ids: list[str], page: int
) -> None:
    (base, *_) = type_.split(" COLLATE")
    using = f"ALTER TABLE chat ALTER id TYPE {type_} USING id::{base}"
    quoted = [each.replace("'", "''") for each in ids]
    prepare(database, using, *(chat(each, **ORPHAN) for each in quoted))
    async with stopping(database, tmp_path) as it:
        pages = [found async for found in find_candidates(it.reader, it.orphans, page=page)]
        (all_of_them,) = [each async for each in find_candidates(it.reader, it.orphans)]
    assert all(len(each) == page for each in pages[:-1])
    assert 1 <= len(pages[-1]) <= page
    assert len(set(all_of_them)) == len(ids)
    assert sorted(each for found in pages for each in found) == sorted(all_of_them)


async def test_the_longest_silent_of_a_page_come_first(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(any_database, *(chat(name, **ORPHAN) for name in ("a", "b", "c")))
    run(any_database, "UPDATE chat SET seen = seen - interval '1 hour' WHERE id = 'b'")
    async with stopping(any_database, tmp_path) as it:
        (found,) = [each async for each in find_candidates(it.reader, it.orphans)]
        pages = [each async for each in find_candidates(it.reader, it.orphans, page=2)]
    assert found[0].session == "b"
    assert [each.session for each in pages[0]] == ["b", "a"]


async def test_closing_a_page_neither_skips_nor_repeats_those_of_the_next(
    any_database: EmbeddedDatabase, tmp_path: Path
) -> None:
    names = [f"chat {number:02}" for number in range(25)]
    prepare(any_database, *(chat(name, **ORPHAN) for name in names), chat("chat 05b", **LIVE))
    found = []
    async with stopping(any_database, tmp_path) as it:
        async for page in find_candidates(it.reader, it.orphans, page=4):
            found += [each.session for each in page]
            await close_found(it.writer, it.rule, page[:2])  # others hold the rest
            # One that comes back is none of those to come, and one of before is not found again.
            run(
                any_database,
                "UPDATE chat SET seen = now() WHERE id = 'chat 20'",
                "UPDATE chat SET seen = seen - interval '1 hour' WHERE id < 'chat 04'",
            )
    assert found == [name for name in names if name != "chat 20"]


async def test_a_run_closes_more_than_one_page_in_batches_of_its_own(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(database, *(chat(f"chat {number}", **ORPHAN) for number in range(11)))
    async with stopping(database, tmp_path) as it:
        closer = StatementCloser(it.writer, "manual", it.orphans)
        closing = CloseRun(closer, batch=3, pause=0)
        async for page in find_candidates(it.reader, it.orphans, page=4):
            outcome = await closing.close(page)
    assert (outcome.closed, outcome.skipped, outcome.refused) == (11, 0, {})
    assert still_open(database) == set()


async def test_a_session_without_an_id_is_on_no_page(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    prepare(
        database,
        "ALTER TABLE chat DROP CONSTRAINT chat_pkey",
        "ALTER TABLE chat ALTER id DROP NOT NULL",
        "CREATE UNIQUE INDEX ON chat (id)",
        *(chat(name, **ORPHAN) for name in "abc"),
        *(
            "INSERT INTO chat (started, seen)"
            " VALUES (now() - interval '4 hours', now() - interval '3 hours')"
            for _ in range(3)
        ),
    )
    async with stopping(database, tmp_path) as it:
        pages = [page async for page in find_candidates(it.reader, it.orphans, page=2)]
    assert [[each.session for each in page] for page in pages] == [["a", "b"], ["c"]]


async def test_rows_that_share_an_id_are_on_one_page(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Where a table is partitioned, no unique index is on the id alone."""
    prepare(
        database,
        "DROP TABLE chat",
        "CREATE TABLE chat (id text, is_open boolean NOT NULL DEFAULT true, node text,"
        " started timestamptz, seen timestamptz, ended timestamptz, seconds double precision,"
        " vip boolean NOT NULL DEFAULT false, PRIMARY KEY (id, started))"
        " PARTITION BY RANGE (started)",
        "CREATE TABLE chat_all PARTITION OF chat DEFAULT",
        *(chat("twin", started=f"now() - interval '{n} hours'") for n in (4, 5, 6)),
        chat("zebra", **ORPHAN),
    )
    async with stopping(database, tmp_path) as it:
        pages = [page async for page in find_candidates(it.reader, it.orphans, page=2)]
    assert [[each.session for each in page] for page in pages] == [["twin"] * 3, ["zebra"]]
