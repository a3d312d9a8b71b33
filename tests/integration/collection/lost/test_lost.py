"""Sessions that cross the line between two collections are counted as lost, once."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.recovery.audit.installation import audit_script
from tests.support.collection.exporter import Exporting
from tests.support.processes.reloading import ConfigFile
from tests.support.processes.session_exporter import run, write_config
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


def test_what_a_lower_threshold_orphans_is_not_lost_and_the_counter_goes_on(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, started timestamptz, open bool)",
        "INSERT INTO public.chat VALUES (1, now() - interval '90 min', true)",
    )
    source = {"table": "public.chat", "active": "open", "started_at": "started"}
    source |= {"orphaned_after": "2h", "future_tolerance": "1ms"}
    file = ConfigFile(write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": source}))
    crosses = "INSERT INTO public.chat VALUES ({}, clock_timestamp() - interval '{} h', true)"
    with Exporting(file.path) as exporting:
        exporting.collect()
        execute(database, crosses.format(2, 2))
        assert exporting.collect().value(LOST) == 1
        file.change("sources", "chat", orphaned_after="1h")
        exporting.reload(file.path)
        assert exporting.page().value(LOST) == 1
        page = exporting.collect()
        assert (page.value("sessions_orphaned"), page.value(LOST)) == (2, 1)
        execute(database, crosses.format(3, 1))
        assert exporting.collect().value(LOST) == 2


@pytest.mark.slow  # it runs recover twice
def test_what_a_person_recovers_before_it_was_counted_is_lost_once(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    execute(
        database,
        "CREATE TABLE public.chat (id int PRIMARY KEY, started timestamptz, open bool)",
        "INSERT INTO public.chat VALUES (9, now(), true)",
        audit_script(),
    )
    source: dict[str, Any] = {"table": "public.chat", "active": "open", "started_at": "started"}
    source |= {"id": "id", "orphaned_after": "1h", "future_tolerance": "1ms"}
    source |= {"recovery": {"set": {"open": False}, "end_at": "now"}}
    path = write_config(tmp_path, {"app": {"dsn": database.dsn}}, {"chat": source})
    crosses = "INSERT INTO public.chat VALUES ({}, clock_timestamp() - interval '1 h', true)"
    recover = ("recover", "chat", "--yes", "--despite-brake", "-c", path)
    with Exporting(path) as exporting:
        exporting.run()
        exporting.run()
        execute(database, crosses.format(1))
        done = run(*recover, folder=tmp_path)
        assert "1 was closed" in done.stdout, done.stdout + done.stderr
        assert [exporting.run().value(LOST) for _ in range(2)] == [1, 1]
        execute(database, crosses.format(2))
        assert exporting.run().value(LOST) == 2
        run(*recover, folder=tmp_path)
        assert [exporting.run().value(LOST) for _ in range(2)] == [2, 2]
