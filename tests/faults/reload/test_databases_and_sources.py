"""What is connected to and what is served follows the config that is read again."""

import threading
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase, require_role
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.reloading import ConfigFile, reload, scraping
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    wait_for,
    write_config,
)
from tests.support.servers.statements import execute, rows

pytestmark = pytest.mark.slow  # each starts a daemon and scrapes it for seconds

OTHER_ROLE = "session_exporter_next"


@pytest.fixture
def file(database: EmbeddedDatabase, tmp_path: Path) -> ConfigFile:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    return ConfigFile(write_config(tmp_path, {"app": app}, {"stays": CONVERSATIONS}))


def roles(database: EmbeddedDatabase) -> set[str]:
    """Who is connected as an exporter."""
    query = (
        "SELECT DISTINCT usename::text FROM pg_stat_activity"
        " WHERE application_name = 'session-exporter' AND datname = current_database()"
    )
    return {name for (name,) in rows(database, query)}


def test_other_credentials_are_used_at_once_and_the_connections_of_the_old_ones_end(
    file: ConfigFile, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    require_role(database.server, OTHER_ROLE)
    execute(database, f"GRANT {EXPORTER} TO {OTHER_ROLE}")
    try:
        with Daemon(file.path, folder=tmp_path) as daemon:
            daemon.wait_until_ready()
            assert roles(database) == {EXPORTER}
            with scraping(daemon):
                file.change("databases", "app", dsn=database.dsn_for(OTHER_ROLE))
                reload(daemon)
                assert daemon.scrape().succeeds("stays")
                wait_for(lambda: roles(database) == {OTHER_ROLE}, "only the new role is connected")
                page = daemon.scrape()
                assert page.values("session_exporter_collection_errors_total", source="stays")
                assert page.errors("stays") == set()
    finally:
        execute(database, f"REVOKE {EXPORTER} FROM {OTHER_ROLE}")


def test_the_series_of_a_source_come_and_go_with_it(file: ConfigFile, tmp_path: Path) -> None:
    with (
        Daemon(file.path, folder=tmp_path) as daemon,
        scraping(daemon, may_be_gone='source="new"'),
    ):
        daemon.wait_until_ready()
        file.change("sources", "new", **CONVERSATIONS)
        reload(daemon)
        assert daemon.get("/-/ready").status == 200
        daemon.wait_for_page(lambda page: page.succeeds("new"), "the new one is collected")
        page = daemon.scrape()
        # By these it is known which sources are configured: SessionsSourceGone compares them.
        assert len(page.values("sessions_recovery_mode", source="new")) == 3
        file.remove("sources", "new")
        reload(daemon)
        assert 'source="new"' not in daemon.scrape().text
        assert 'source="stays"' in daemon.scrape().text
        assert "new" not in daemon.get("/").text


def test_a_database_that_is_gone_from_the_config_is_left(
    file: ConfigFile, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    other: dict[str, Any] = {"dsn": database.dsn, **IMPATIENT}
    file.data["sources"]["stays"]["database"] = "app"
    file.data["databases"]["other"] = other
    file.change("sources", "elsewhere", **CONVERSATIONS, database="other")
    with (
        Daemon(file.path, folder=tmp_path) as daemon,
        scraping(daemon, may_be_gone='database="other"'),
    ):
        daemon.wait_until_ready()
        assert len(roles(database)) == 2
        del file.data["databases"]["other"]
        file.remove("sources", "elsewhere")
        reload(daemon)
        wait_for(lambda: roles(database) == {EXPORTER}, "the other connections are closed")
        assert 'database="other"' not in daemon.scrape().text


def test_a_source_in_one_more_database_stays_as_it_is_in_the_first(
    file: ConfigFile, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Daemon(file.path, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        with scraping(daemon):
            file.data["databases"]["other"] = {"dsn": database.dsn, **IMPATIENT}
            file.change("sources", "stays", database=["app", "other"])
            reload(daemon)
            page = daemon.scrape()
            assert page.value("sessions_active", source="stays", database="app") is not None
            daemon.wait_for_page(
                lambda page: page.value("sessions_active", source="stays", database="other") == 0,
                "it is collected in the other one as well",
            )


def test_reloads_that_are_asked_for_at_once_are_done_one_after_the_other(
    file: ConfigFile, tmp_path: Path
) -> None:
    with Daemon(file.path, folder=tmp_path, options=["--web.enable-lifecycle"]) as daemon:
        daemon.wait_until_ready()
        statuses: list[int] = []

        def post() -> None:
            statuses.append(daemon.post("/-/reload").status)

        with scraping(daemon):
            for number in range(3):
                file.change("sources", "stays", alert_above=number)
                threads = [threading.Thread(target=post) for _ in range(5)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(30)
                threshold = daemon.scrape().value("sessions_orphaned_alert_threshold")
                assert threshold == number
        assert statuses == [200] * 15
        assert 3 <= daemon.log.count("event=config_reloaded") <= 15
