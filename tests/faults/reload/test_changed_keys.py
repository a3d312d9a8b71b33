"""A config that is read again under load: no scrape fails, and only what is untrue now is lost."""

from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.reloading import (
    SUCCESSFUL,
    ConfigFile,
    in_use,
    reload,
    scraping,
)
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    write_config,
)

pytestmark = pytest.mark.slow  # each starts a daemon and scrapes it for seconds

#: Collected so rarely that within a test only a first collection, or a lost one, is due.
RARELY = {**CONVERSATIONS, "every": "10m", "stale_after": None, "daily": {"every": "10m"}}

LAST_SUCCESS = "session_exporter_collection_last_success_timestamp_seconds"

CLOSING = {"set": {"is_active": False}, "end_at": "now"}

#: What is changed of the source, and which values are lost by it.
OF_A_SOURCE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, set()),
    "every": ({"every": "9m"}, set()),
    "alert_above": ({"alert_above": 7}, set()),
    "recovery": ({"recovery": {"mode": "dry_run", **CLOSING}}, set()),
    "a pace of days": ({"daily": {"every": "9m", "timeout": "2s"}}, set()),
    "days": ({"daily": {"every": "10m", "days": 3}}, {"daily"}),
    "no days": ({"daily": None}, {"daily"}),
    "orphaned_after": ({"orphaned_after": "1h"}, {"active", "daily"}),  # the days count lost ones
    "active": ({"active": "is_active AND true"}, {"active", "daily", "size"}),
    "where": ({"where": "session_id IS NOT NULL"}, {"active", "daily", "size"}),
    "labels": (
        {"labels": {"on": {"value": "is_active", "values": ["true"]}}},
        {"active", "daily"},
    ),
}

OF_A_DATABASE: dict[str, dict[str, Any]] = {
    "max_connections": {"max_connections": 1},
    "statement_timeout": {"statement_timeout": "900ms"},
}


@pytest.fixture
def file(database: EmbeddedDatabase, tmp_path: Path) -> ConfigFile:
    """Two sources in one database; one of them is not changed."""
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    sources = {"changed": RARELY, "stays": RARELY}
    return ConfigFile(write_config(tmp_path, {"app": app}, sources))


def collected_at(page: Page, source: str) -> dict[str, float]:
    """When each collector has succeeded last."""
    found = {each: page.value(LAST_SUCCESS, source=source, collector=each) for each in COLLECTORS}
    return {each: at for each, at in found.items() if at is not None}


COLLECTORS = ("active", "daily", "size")


@pytest.mark.parametrize("name", OF_A_SOURCE)
def test_a_changed_key_of_a_source_loses_what_it_makes_untrue(
    file: ConfigFile, tmp_path: Path, name: str
) -> None:
    changes, lost = OF_A_SOURCE[name]
    with Daemon(file.path, folder=tmp_path) as daemon:
        before = daemon.wait_until_ready()
        with scraping(daemon):
            file.change("sources", "changed", **changes)
            reload(daemon)
            after = daemon.scrape()
            assert in_use(after) > in_use(before)
            assert after.value(SUCCESSFUL) == 1
            known = collected_at(before, "changed")
            kept = {each: at for each, at in known.items() if each not in lost}
            found = collected_at(after, "changed")
            # What a source keeps is there at once, or already collected again: its jobs are new.
            assert all(found.get(each, 0.0) >= at for each, at in kept.items()), (kept, found)
            assert all(found.get(each) != known[each] for each in lost)
            assert collected_at(after, "stays") == collected_at(before, "stays")
            wanted = set(COLLECTORS) - ({"daily"} if name == "no days" else set())
            daemon.wait_for_page(
                lambda page: all(page.succeeds("changed", collector=each) for each in wanted),
                "what was lost is collected again",
            )
            assert set(collected_at(daemon.scrape(), "changed")) == wanted


@pytest.mark.parametrize("name", OF_A_DATABASE)
def test_another_limit_of_a_database_keeps_what_is_known(
    file: ConfigFile, tmp_path: Path, name: str
) -> None:
    with Daemon(file.path, folder=tmp_path) as daemon:
        before = daemon.wait_until_ready()
        with scraping(daemon):
            file.change("databases", "app", **OF_A_DATABASE[name])
            reload(daemon)
            after = daemon.scrape()
            for source in ("changed", "stays"):
                known, found = collected_at(before, source), collected_at(after, source)
                assert found.keys() == known.keys()
                assert all(found[each] >= at for each, at in known.items())
