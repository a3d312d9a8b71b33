"""A source that a backend hangs in, beyond each deadline, costs its own collections alone.

The foreign tables are those of PostgreSQL 15, which waits for their server without an end.
"""

import itertools
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer
from exporter.demo.systems.schemas import EXPORTER, create_empty
from tests.support.collection.exporter import UP
from tests.support.processes.daemons import last_success
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    run,
    write_config,
)
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute, rows
from tests.support.servers.versions import VERSIONS

#: What it looks up in the catalog before it is refused takes no second.
HANGING = (
    "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '/* hang %'"
    " AND clock_timestamp() - query_start > interval '1 second'"
)
CONNECTIONS = f"SELECT pid FROM pg_stat_activity WHERE usename = '{EXPORTER}'"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def own_server(fast_folder: Path | None) -> Iterator[PostgresServer]:
    with QuickServer(VERSIONS[15], parent=fast_folder) as server:
        yield server


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield listener


@pytest.fixture
def database(own_server: PostgresServer, silent: socket.socket) -> EmbeddedDatabase:
    """One with the foreign table conversations.far beside those of the applications."""
    victim = create_empty(own_server, f"victim_{next(_numbers)}")
    columns = "session_id uuid, session_start timestamptz, session_end timestamptz, is_active bool"
    execute(
        victim,
        "CREATE EXTENSION postgres_fdw",
        "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw"
        f" OPTIONS (host '127.0.0.1', port '{silent.getsockname()[1]}')",
        "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'far', password 'far')",
        f"CREATE FOREIGN TABLE conversations.far ({columns}, duration_seconds int) SERVER far",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA conversations TO {EXPORTER}",
    )
    return victim


def config_of(database: EmbeddedDatabase, folder: Path, size: int, **source: Any) -> Path:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT, "max_connections": size}
    hang = {**CONVERSATIONS, "table": "conversations.far", **source}
    return write_config(folder, {"app": app}, {"hang": hang, "well": CONVERSATIONS})


def later_than(page: Page) -> Callable[[Page], bool]:
    since = last_success(page, "well")
    return lambda now: last_success(now, "well") > since


def well_succeeds(page: Page) -> bool:
    return all(page.succeeds("well", collector=each) for each in ("active", "daily", "size"))


@pytest.mark.slow  # the next one has a source that hangs, too
def test_a_foreign_table_that_hangs_takes_one_connection_and_no_other_source_down(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    config = config_of(database, tmp_path, 2)
    with Daemon(config, folder=tmp_path) as daemon:
        page = daemon.wait_for_page(
            lambda page: well_succeeds(page) and page.errors("hang"), "the other one is collected"
        )
        until = last_success(page, "well") + 8
        while last_success(page, "well") < until:
            page = daemon.wait_for_page(later_than(page), "it goes on")
            assert page.value(UP) == 1
            assert page.errors("well") == set()
            assert page.errors("hang") == {"timeout"}
        assert len(rows(database, HANGING)) == 1
        assert len(rows(database, CONNECTIONS)) <= 2
        assert "database_down" not in daemon.log
        assert "a backend still hangs in a statement of hang" in daemon.get("/").text


def test_the_only_connection_is_not_enough_for_a_foreign_table(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """Also as long as its server answers, which is this one here."""
    password = database.server.passwords["postgres"]
    execute(
        database,
        f"ALTER SERVER far OPTIONS (SET port '{database.server.port}', dbname '{database.name}')",
        "ALTER USER MAPPING FOR PUBLIC SERVER far"
        f" OPTIONS (SET user 'postgres', SET password '{password}')",
        "ALTER FOREIGN TABLE conversations.far OPTIONS (table_name 'conversation_sessions')",
    )
    for size, is_warned in ((1, True), (2, False)):
        config = config_of(database, tmp_path, size)
        printed = run("check", "hang", "--live", "--all", "-c", config, folder=tmp_path).stdout
        assert ("max_connections of 1 all sources" in " ".join(printed.split())) is is_warned


def test_several_sources_on_foreign_tables_that_hang_take_one_connection_together(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    """They are due at different times, so that none shares a message with another."""
    execute(
        database,
        "CREATE VIEW conversations.above AS SELECT * FROM conversations.far",
        f"GRANT SELECT ON conversations.above TO {EXPORTER}",
    )
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT, "max_connections": 2}
    sources = {
        "hang": {**CONVERSATIONS, "table": "conversations.far", "every": "300ms"},
        "hang_too": {**CONVERSATIONS, "table": "conversations.far", "every": "400ms"},
        "hang_above": {**CONVERSATIONS, "table": "conversations.above", "every": "500ms"},
        "well": CONVERSATIONS,
    }
    with Daemon(write_config(tmp_path, {"app": app}, sources), folder=tmp_path) as daemon:
        daemon.wait_for_page(lambda page: page.succeeds("well"), "the other is collected")
        for _ in range(6):
            page = daemon.wait_for_page(later_than(daemon.scrape()), "the other is collected")
            assert page.value(UP, database="app") == 1
        page = daemon.wait_for_page(well_succeeds, "all of the other is collected")
        assert not any(page.succeeds(each) for each in sources if each != "well")
    assert "database_down" not in daemon.log


def test_a_source_that_hung_is_collected_again_when_its_backend_has_ended(
    database: EmbeddedDatabase, silent: socket.socket, tmp_path: Path
) -> None:
    with Daemon(config_of(database, tmp_path, 2), folder=tmp_path) as daemon:
        daemon.wait_for_page(
            lambda page: well_succeeds(page) and page.errors("hang"), "the other one is collected"
        )
        silent.close()  # now connecting is refused
        page = daemon.wait_for_page(
            lambda page: page.errors("hang") == {"timeout", "other"}, "it is tried again"
        )
        assert page.value(UP) == 1
        execute(
            database,
            "DROP FOREIGN TABLE conversations.far",
            "CREATE TABLE conversations.far (LIKE conversations.conversation_sessions)",
            f"GRANT SELECT ON conversations.far TO {EXPORTER}",
        )
        daemon.wait_for_page(lambda page: page.succeeds("hang"), "it is collected")
        assert "database_down" not in daemon.log
