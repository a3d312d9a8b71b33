"""The runbooks about collections and the exporter itself, each followed where its fault is real."""

import hashlib
from pathlib import Path

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import EXPORTER
from tests.support.monitoring.followed_runbooks import TABLE, Followed, config_of, orphans
from tests.support.processes.session_exporter import wait_for
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.standby import PRIMARY_SETTINGS, Standby
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a database and a dozen commands for each runbook


@pytest.fixture
def calls(database: EmbeddedDatabase) -> EmbeddedDatabase:
    execute(database, TABLE)
    return database


def test_a_missing_right_is_printed_and_a_lock_is_found(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = config_of(tmp_path, calls, dsn=calls.dsn_for(EXPORTER), recovery={})
    with Followed("SessionsCollectionFailing", calls, config) as book:
        shown = book.run()
        assert "permission" in shown
        granted = shown[shown.index("-- What role session_exporter lacks:") :]
        execute(calls, granted)
        book.run()
        with calls.connect() as other:
            other.autocommit = False
            other.execute('LOCK TABLE public."Calls"')
            (lock,) = book.ask()
            assert "LOCK TABLE" in lock
            assert book.ask(1) is not None


def test_an_invalid_config_is_found_with_its_line(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    config = config_of(tmp_path, calls)
    config.write_text(config.read_text().replace("orphaned_after: 1h", "orphaned_after: 1x"))
    with Followed("SessionsConfigReloadFailed", calls, config) as book:
        shown = book.run()
        assert "sources.calls.orphaned_after: expected a duration" in shown
        assert shown.count("expected a duration") == 2  # and nothing is checked live


def test_stale_data_shows_what_a_collection_costs(calls: EmbeddedDatabase, tmp_path: Path) -> None:
    config = config_of(tmp_path, calls, active="s.state = 'open' AND pg_sleep(0.002) IS NOT NULL")
    with Followed("SessionsDataStale", calls, config) as book:
        shown = book.run()
        assert "cost: one collection of active took" in shown
        assert "clock: the server's clock differs" in shown
        assert "calls" in shown


def test_a_database_that_is_down_is_named_with_its_error(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = config_of(tmp_path, calls, dsn="host=127.0.0.1 port=1 user=a dbname=app")
    with Followed("SessionsDatabaseDown", calls, config) as book:
        shown = book.run()
        assert "connection: " in shown
        assert "refused" in shown
        assert "calls (app): " in shown
        assert "session_exporter" in book.ask()[0]
        assert book.ask(1)


def test_a_missing_index_is_printed_and_an_invalid_one_is_found(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    with Followed("SessionsIndexMissing", calls, config_of(tmp_path, calls)) as book:
        shown = book.run()
        assert "CREATE INDEX CONCURRENTLY" in shown
        assert "index for active" in shown
        book.run()
        assert book.ask() == []
        with pytest.raises(psycopg.errors.UniqueViolation):
            execute(calls, 'CREATE UNIQUE INDEX CONCURRENTLY half ON public."Calls" (state)')
        assert book.ask() == ["half"]
        assert book.ask(1) == []


def test_a_source_that_is_gone_is_named_beside_those_that_are_there(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = config_of(tmp_path, calls)
    with Followed("SessionsSourceGone", calls, config, SOURCE="chats") as book:
        shown = book.run(codes=(0, 2))
        assert "declares no source chats" in shown
        assert "calls   app " in shown


@pytest.mark.parametrize("name", ["SessionsExporterDown", "SessionsExporterAbsent"])
def test_without_an_exporter_the_commands_count(
    calls: EmbeddedDatabase, tmp_path: Path, name: str
) -> None:
    execute(calls, orphans(21, 23))
    with Followed(name, calls, config_of(tmp_path, calls)) as book:
        shown = book.run(codes=(0,))
        assert "is valid (sources: 1, databases: 1" in shown
        assert "calls   app       13      3 " in shown


def test_replicas_that_differ_print_the_hashes_that_they_serve(
    calls: EmbeddedDatabase, tmp_path: Path
) -> None:
    for config in config_of(tmp_path, calls), config_of(tmp_path, calls, alert_above=7):
        with Followed("SessionsReplicasDiffer", calls, config) as book:
            digest = hashlib.sha256(config.read_bytes()).hexdigest()
            assert f", hash {digest[:12]})" in book.run(codes=(0,))


def test_a_standby_that_lags_says_by_how_much_and_that_it_is_paused(
    fast_folder: Path | None, tmp_path: Path
) -> None:
    own = QuickServer(wheel_binaries(18), settings=PRIMARY_SETTINGS, parent=fast_folder)
    with own as primary, Standby(primary, parent=fast_folder) as standby:
        written, read = (EmbeddedDatabase(each, "postgres") for each in (primary, standby))
        execute(written, TABLE)
        standby.wait_until_it_follows()
        execute(read, "SELECT pg_wal_replay_pause()")
        execute(written, orphans(21, 23))
        behind = "now() - pg_last_xact_replay_timestamp() > interval '1 second'"
        wait_for(lambda: standby.ask(behind), "the standby lags", every=0.1)
        config = config_of(tmp_path, read, recovery={})
        text = config.read_text().replace("dsn:", "max_replica_lag: 1s\n    dsn:")
        config.write_text(text)
        with Followed("SessionsReplicaLagging", read, config) as book:
            shown = book.run()
            assert "connection: the standby is " in shown
            assert "behind its primary, more than max_replica_lag (1 s)" in shown
            state = book.ask()[0].split("|")
            assert (state[0], state[-1]) == ("t", "t")
