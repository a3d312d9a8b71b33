"""A file that cannot be used changes nothing, which metric, log and status page report."""

import signal
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.daemons import assert_stops, last_success
from tests.support.processes.reloading import SUCCESSFUL, ConfigFile, in_use, reload, scraping
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    wait_for,
    write_config,
)

pytestmark = pytest.mark.slow  # each starts a daemon and scrapes it for seconds

NOTICE = "The config file was rejected"


@pytest.fixture
def file(database: EmbeddedDatabase, tmp_path: Path) -> ConfigFile:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    return ConfigFile(write_config(tmp_path, {"app": app}, {"stays": CONVERSATIONS}))


def spoil(path: Path, how: str) -> None:
    match how:
        case "missing":
            path.unlink()
        case "a folder":
            path.unlink()
            path.mkdir()
        case "no YAML":
            path.write_text("sources: [", encoding="utf-8")
        case "no connection string":
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("dsn: ", "dsn: no_such_parameter=1 "), encoding="utf-8")
        case _:
            path.write_text(
                path.read_text(encoding="utf-8").replace("2h", "2 hourss").replace("active", "x"),
                encoding="utf-8",
            )


@pytest.mark.parametrize(
    "how", ["missing", "a folder", "no YAML", "no connection string", "wrong values"]
)
def test_a_file_that_cannot_be_used_leaves_the_last_good_one(
    file: ConfigFile, tmp_path: Path, how: str
) -> None:
    with Daemon(file.path, folder=tmp_path) as daemon:
        before = daemon.wait_until_ready()
        assert NOTICE not in daemon.get("/").text
        with scraping(daemon):
            spoil(file.path, how)
            reload(daemon, succeeds=False)
            page = daemon.scrape()
            assert page.value(SUCCESSFUL) == 0
            assert in_use(page) == in_use(before)
            assert NOTICE in daemon.get("/").text
            assert file.path.name in daemon.log.split("event=config_reload_failed", 1)[1]
            since = last_success(page, "stays")
            daemon.wait_for_page(
                lambda later: last_success(later, "stays") > since, "collections go on"
            )
            if how == "a folder":
                file.path.rmdir()
            file.write()
            reload(daemon)
            page = daemon.scrape()
            assert page.value(SUCCESSFUL) == 1
            assert in_use(page) > in_use(before)
            assert NOTICE not in daemon.get("/").text


def test_a_stop_during_a_reload_ends_the_daemon(
    file: ConfigFile, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """It waits for a collection that hangs, which the change concerns."""
    with Daemon(file.path, folder=tmp_path) as daemon, database.connect() as blocker:
        daemon.wait_until_ready()
        file.change("databases", "app", statement_timeout="30s", lock_timeout="20s")
        reload(daemon)
        with blocker.transaction():
            blocker.execute("LOCK conversations.conversation_sessions")
            wait_for(lambda: _is_blocked(database), "a collection waits for the lock")
            file.change("sources", "stays", alert_above=9)
            daemon.process.send_signal(signal.SIGHUP)
            daemon.process.send_signal(signal.SIGTERM)
            assert_stops(daemon, seconds=9)
        assert daemon.log.count("event=config_reloaded") == 1


def test_a_collection_that_hangs_keeps_no_reload_from_its_end(
    file: ConfigFile, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    file.change("databases", "app", statement_timeout="60s", lock_timeout="50s")
    with Daemon(file.path, folder=tmp_path) as daemon, database.connect() as blocker:
        daemon.wait_until_ready()
        with scraping(daemon), blocker.transaction():
            blocker.execute("LOCK conversations.conversation_sessions")
            wait_for(lambda: _is_blocked(database), "a collection waits for the lock")
            file.change("sources", "stays", alert_above=9)
            reload(daemon)
            assert daemon.scrape().value("sessions_orphaned_alert_threshold") == 9
        daemon.wait_for_page(lambda page: page.succeeds("stays"), "it is collected again")


def _is_blocked(database: EmbeddedDatabase) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with database.connect() as connection:
        row = connection.execute(query).fetchone()
    return row is not None and row[0] > 0
