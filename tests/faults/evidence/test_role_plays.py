"""Role plays of an API with a store per endpoint: these disagree, a shared one does not."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.demo.applications.roleplay_api.api import ENDPOINTS, PREFIX
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from tests.support.processes.applications import PROBE, ROLE_PLAY, Application
from tests.support.processes.session_exporter import IMPATIENT, Daemon, write_config

pytestmark = pytest.mark.slow

TABLE = """
    CREATE SCHEMA plays;
    CREATE TABLE plays.plays (id text PRIMARY KEY, is_active boolean, started_at timestamptz);
    INSERT INTO plays.plays VALUES ('default', true, now()), ('synthetic', true, now());
"""
SOURCE: dict[str, Any] = {
    "table": "plays.plays",
    "active": "is_active",
    "started_at": "started_at",
    "id": "id",
    "list": "plays",
    "orphaned_after": "30m",
    "every": "250ms",
    "stale_after": "60s",
    "daily": None,
}
LIST: dict[str, Any] = {
    "stores": "all",
    "id": "id",
    "started_at": "createdAt",
    "last_seen_at": "lastMessageAt",
    "every": "250ms",
    "timeout": "1s",
}


def daemon_on(database: EmbeddedDatabase, folder: Path, urls: dict[str, str]) -> Daemon:
    with database.connect(APP) as connection:
        connection.execute(TABLE)
    app = {"dsn": database.dsn, **IMPATIENT}
    lists = {"plays": LIST | {"urls": urls}}
    config = write_config(folder, {"app": app}, {"plays": SOURCE}, lists=lists)
    return Daemon(config, folder=folder)


@pytest.mark.parametrize(("options", "expected"), [((), 0), (("--store-each",), 1)])
def test_the_lists_of_the_endpoints_disagree_where_each_has_a_store_of_its_own(
    database: EmbeddedDatabase, tmp_path: Path, options: tuple[str, ...], expected: int
) -> None:
    with Application(ROLE_PLAY, *options, folder=tmp_path) as api:
        urls = {name: f"{api.url}{PREFIX}/{name}/live" for name in ENDPOINTS}
        httpx.post(f"{api.url}{PREFIX}/start").raise_for_status()
        with daemon_on(database, tmp_path, urls) as daemon:
            page = daemon.wait_for_page(
                lambda page: page.value("sessions_disagreeing", source="plays") is not None,
                "two answers of each store",
            )
            assert page.value("sessions_disagreeing", source="plays") == expected
            live = {name: page.value("sessions_live", store=name) for name in ENDPOINTS}
            assert live == dict.fromkeys(ENDPOINTS, 1 - expected) | {"start": 1}


@pytest.mark.parametrize(("options", "expected"), [((), 0), (("--store-each",), 1)])
def test_a_synthetic_session_disagrees_where_the_application_has_no_lists(
    database: EmbeddedDatabase, tmp_path: Path, options: tuple[str, ...], expected: int
) -> None:
    with Application(ROLE_PLAY, *options, folder=tmp_path) as api:
        words = ("--url", api.url, "--every", 0.2, "--id", "default")
        with Application(PROBE, *words, folder=tmp_path) as probe:
            urls = {name: f"{probe.url}/{name}" for name in ENDPOINTS}
            with daemon_on(database, tmp_path, urls) as daemon:
                page = daemon.wait_for_page(
                    lambda page: page.value("sessions_disagreeing", source="plays") is not None,
                    "two answers of each store",
                )
                assert page.value("sessions_disagreeing", source="plays") == expected
