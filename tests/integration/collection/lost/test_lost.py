"""Sessions that cross the line between two collections are counted as lost, once."""

import time
from pathlib import Path

import yaml

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.collection.exporter import Exporting
from tests.support.servers.statements import execute

LOST = "sessions_lost_total"
NEWEST = "sessions_newest_start_timestamp_seconds"


def test_what_crosses_the_line_is_lost_once_and_what_had_crossed_it_is_not(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, started timestamptz, open bool)",
        "INSERT INTO public.chat VALUES (1, now() - interval '2 h', true), (2, now(), true),"
        " (3, now() - interval '3599 s', true), (4, now() - interval '3599 s', true)",
    )
    source = {"table": "public.chat", "active": "open", "started_at": "started"}
    source |= {"orphaned_after": "1h", "future_tolerance": "1ms"}
    path = tmp_path / "config.yaml"
    dsn = {"app": {"dsn": database.dsn}}
    path.write_text(yaml.safe_dump({"databases": dsn, "sources": {"chat": source}}))
    with Exporting(path) as exporting:
        assert f'{LOST}{{database="app",source="chat"}} 0' in str(exporting.page().text)
        exporting.collect()
        time.sleep(1.2)
        for _ in range(2):
            text = exporting.collect().text
            assert f'{LOST}{{database="app",source="chat"}} 2' in text


def test_the_newest_start_is_of_any_session_but_one_in_the_future(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, started timestamptz, open bool)",
        "INSERT INTO public.chat VALUES (1, now() - interval '2 h', true),"
        " (2, to_timestamp(floor(extract(epoch FROM now())) - 60), false),"
        " (3, now() + interval '1 h', true)",
    )
    path = tmp_path / "config.yaml"
    source = {"table": "public.chat", "active": "open", "started_at": "started"}
    source |= {"orphaned_after": "1h"}
    dsn = {"app": {"dsn": database.dsn}}
    path.write_text(yaml.safe_dump({"databases": dsn, "sources": {"chat": source}}))
    with Exporting(path) as exporting:
        text = exporting.collect().text
    (line,) = (each for each in text.splitlines() if each.startswith(f"{NEWEST}{{"))
    assert 55 < time.time() - float(line.rpartition(" ")[2]) < 120
