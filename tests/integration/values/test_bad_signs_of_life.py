"""A sign of life that cannot be evaluated fails the counts, and of the days only what is lost."""

from pathlib import Path
from typing import Any

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection.exporter import Exporting
from tests.support.processes.session_exporter import Page, write_config
from tests.support.servers.statements import execute

DAILY = "sessions_daily_"


def of_yesterday(page: Page) -> dict[str, float | None]:
    parts = ("started", "ended", "still_active", "known_duration_seconds", "recovered", "lost")
    return {each: page.value(f"{DAILY}{each}", source="chat", days_ago="1") for each in parts}


def test_a_bad_sign_of_life_leaves_the_daily_statistics_but_for_what_is_lost(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    yesterday = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '12 h'"
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, started timestamptz, ended timestamptz,"
        " open bool, seen text)",
        f"INSERT INTO public.chat SELECT n, {yesterday}, {yesterday} + interval '1 min', n > 3,"
        " 'early' FROM generate_series(1, 5) AS n",
        f"UPDATE public.chat SET ended = NULL, seen = ({yesterday})::text WHERE open",
    )
    source: dict[str, Any] = {"table": "public.chat", "active": "open", "started_at": "started"}
    source |= {"ended_at": "ended", "last_seen_at": "s.seen::timestamptz", "id": "id"}
    source |= {"orphaned_after": "1h"}
    path = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": source})
    good = {"started": 5, "ended": 3, "still_active": 2, "known_duration_seconds": 180}
    good |= {"recovered": 0, "lost": 2}
    with Exporting(path) as exporting:
        assert of_yesterday(exporting.collect()) == good
        execute(database, "UPDATE public.chat SET seen = 'soon' WHERE id = 5")
        page = exporting.collect()
        assert of_yesterday(page) == good | {"lost": None}
        assert page.succeeds("chat", collector="daily")
        assert not page.succeeds("chat", collector="active")
        assert exporting.failure("chat").startswith("last_seen_at: ")
        execute(database, "UPDATE public.chat SET seen = now()::text WHERE id = 5")
        assert of_yesterday(exporting.collect()) == good | {"lost": 1}


def test_the_first_collection_of_the_days_needs_no_good_sign_of_life(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, started timestamptz, open bool, seen text)",
        "INSERT INTO public.chat VALUES (1, now(), true, 'soon')",
    )
    source = {"table": "public.chat", "active": "open", "started_at": "started"}
    source |= {"last_seen_at": "s.seen::timestamptz", "orphaned_after": "1h"}
    path = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": source})
    with Exporting(path) as exporting:
        page = exporting.collect()
        assert page.value(f"{DAILY}started", source="chat", days_ago="0") == 1
        assert page.value(f"{DAILY}lost", source="chat", days_ago="0") is None
        assert page.value(f"{DAILY}lost", source="chat", days_ago="1") == 0
