"""`inconsistent` lists the rows that sessions_inconsistent counts, whatever is in them."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.session_exporter import Page, run, write_config
from tests.support.servers.statements import execute

#: A column is called as what the statement computes, and is named without the row's alias.
TABLE = r"""
CREATE TABLE public.chat (
    id text, is_open bool, started_at timestamptz, seen timestamptz, ended_at timestamptz,
    cell int, secret text
);
INSERT INTO public.chat
SELECT 'fine ' || n, true, now() - interval '1 min', now(), NULL, n
FROM generate_series(1, 40) AS n;
INSERT INTO public.chat VALUES
    ('no time', true, NULL, NULL, NULL, 1),
    ('infinite', true, '-infinity', NULL, NULL, 1),
    (E'fut\x1b[31mure\n', true, now() + interval '1 hour', NULL, NULL, 1),
    ('over', true, now() - interval '2 hours', NULL, now() - interval '1 hour', 1),
    ('two', true, now() - interval '2 hours', NULL, now() - interval '1 hour', -1),
    ('before', true, now() - interval '2 hours', NULL, now() - interval '3 hours', 1),
    ('no end', false, now() - interval '2 hours', NULL, NULL, 1),
    ('long ago', false, now() - interval '20 days', NULL, NULL, 1);
"""
CHAT: dict[str, Any] = {
    "table": "public.chat",
    "active": "is_open AND cell < 1000",
    "started_at": "started_at",
    "last_seen_at": "seen",
    "ended_at": "ended_at",
    "id": "id",
    "orphaned_after": "1d",
    "integrity": {"below_zero": "cell < 0"},
    "show": [{"number": "s.cell * 2"}],
}


@pytest.fixture
def chats(any_database: EmbeddedDatabase) -> EmbeddedDatabase:
    columns = "id, is_open, started_at, seen, ended_at, cell"
    execute(any_database, TABLE, f"GRANT SELECT ({columns}) ON public.chat TO {EXPORTER}")
    return any_database


def listed(database: EmbeddedDatabase, folder: Path, *options: str) -> str:
    settings = {"dsn": database.dsn_for(EXPORTER)}
    config = write_config(folder, {"app": settings}, {"chat": CHAT})
    done = run("inconsistent", "chat", *options, "-c", config, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def counted(database: EmbeddedDatabase, folder: Path) -> dict[str, float]:
    settings = {"dsn": database.dsn_for(EXPORTER)}
    config = write_config(folder, {"app": settings}, {"chat": CHAT})
    done = run("once", "--format", "prometheus", "-c", config, folder=folder)
    page = Page(done.stdout)
    kinds = ("undated", "future", "ended_but_active", "impossible_end", "below_zero")
    names = (*kinds, "closed_without_end")
    return {kind: page.value("sessions_inconsistent", kind=kind) or 0 for kind in names}


def test_each_row_is_listed_with_its_kinds(chats: EmbeddedDatabase, tmp_path: Path) -> None:
    title, _, *lines = listed(chats, tmp_path).splitlines()
    assert title == "chat (app): 7 inconsistent rows"
    rows = [[cell.strip() for cell in line.split("  ") if cell][:2] for line in lines]
    assert sorted(rows) == [
        ["closed_without_end", "no end"],
        ["ended_but_active", "over"],
        ["ended_but_active, below_zero", "two"],
        ["future", r"fut\x1b[31mure\n"],
        ["impossible_end", "before"],
        ["undated", "infinite"],
        ["undated", "no time"],
    ]


def test_as_many_rows_of_a_kind_are_listed_as_are_counted(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    for kind, count in counted(chats, tmp_path).items():
        assert count > 0
        (found,) = json.loads(listed(chats, tmp_path, "--kind", kind, "--format", "json"))
        assert found["count"] == len(found["rows"]) == count
        assert all(kind in row["kinds"] for row in found["rows"])


def test_json_has_the_times_and_what_is_shown(chats: EmbeddedDatabase, tmp_path: Path) -> None:
    options = ("--kind", "impossible_end", "--format", "json")
    (found,) = json.loads(listed(chats, tmp_path, *options))
    (row,) = found.pop("rows")
    assert found == {"source": "chat", "database": "app", "count": 1}
    started, ended = (
        dt.datetime.fromisoformat(row[name]).timestamp() for name in ("started_at", "ended_at")
    )
    assert started - ended == pytest.approx(3600)
    assert row["last_seen_at"] == row["started_at"]
    assert (row["id"], row["show"]) == ("before", {"number": "2"})


def test_no_more_rows_are_listed_than_the_limit(chats: EmbeddedDatabase, tmp_path: Path) -> None:
    *lines, last = listed(chats, tmp_path, "--limit", "2").splitlines()
    assert len(lines) == 4
    assert last == "… and 5 more; --limit 7 shows all"


@pytest.mark.parametrize("command", [("inconsistent", "--limit"), ("orphans", "--limit")])
def test_a_list_that_would_not_fit_into_memory_is_wrong_usage(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = run(*command, "1000000", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--limit" in done.stderr
    assert "100000" in done.stderr


def test_a_kind_that_no_source_has_is_wrong_usage(chats: EmbeddedDatabase, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"app": {"dsn": chats.dsn}}, {"chat": CHAT})
    done = run("inconsistent", "--kind", "undatd", "-c", config, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "session-exporter: --kind: no such kind is counted of these sources: undatd; "
        "did you mean undated?\n"
    )


def test_where_nothing_contradicts_itself_it_says_so(
    chats: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(chats, "DELETE FROM public.chat WHERE id NOT LIKE 'fine %'")
    assert listed(chats, tmp_path) == "chat (app): 0 inconsistent rows\n"


def test_once_names_every_kind_that_is_counted(chats: EmbeddedDatabase, tmp_path: Path) -> None:
    """Those of closed rows too, which the daily statistics count."""
    config = write_config(tmp_path, {"app": {"dsn": chats.dsn_for(EXPORTER)}}, {"chat": CHAT})
    line = run("once", "-c", config, folder=tmp_path).stdout.splitlines()[1]
    counts = counted(chats, tmp_path)
    assert counts["closed_without_end"] == 1
    assert ", ".join(f"{kind} {n:g}" for kind, n in counts.items() if n) in line
