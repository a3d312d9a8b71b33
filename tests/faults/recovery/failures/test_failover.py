"""The primary dies in the middle of recovery, and its standby is promoted: recovery goes on there.

What was not replicated is lost together with its audit row, so that both say the same.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer, wheel_binaries
from exporter.demo.systems.schemas import create_empty
from tests.support.processes.session_exporter import Daemon, Page, wait_for
from tests.support.recovery.automatic.daemons import (
    FAILED,
    auto_config,
    brakes,
    candidates,
    recovered,
    wait_until_closed,
)
from tests.support.recovery.chats import Chats
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.standby import PRIMARY_SETTINGS, Standby

NAME = "watched"
IDS = (1, 2, 3, 4, 5, 6)

#: Closing chat 5 takes longer than the primary has left.
SLOW = """
CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(60);
    RETURN NULL;
END $$;
CREATE TRIGGER dawdle AFTER UPDATE ON public.chats
    FOR EACH ROW WHEN (NEW.id = 5) EXECUTE FUNCTION public.dawdle();
"""
IS_CLOSING = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@pytest.fixture
def primary(fast_folder: Path | None) -> Iterator[PostgresServer]:
    binaries = wheel_binaries(18)
    with QuickServer(binaries, settings=PRIMARY_SETTINGS, parent=fast_folder) as server:
        create_empty(server, NAME)
        yield server


def dsn_of(*servers: PostgresServer) -> str:
    """Whichever of them is the primary."""
    return psycopg.conninfo.make_conninfo(
        servers[0].dsn(NAME),
        host=",".join("127.0.0.1" for _ in servers),
        port=",".join(str(each.port) for each in servers),
        target_session_attrs="read-write",
    )


def stop_following(standby: Standby) -> None:
    """Nothing is replicated any more."""
    with EmbeddedDatabase(standby, "postgres").connect() as connection:
        connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
        connection.execute("SELECT pg_reload_conf()")
    gone = "NOT EXISTS (SELECT FROM pg_stat_wal_receiver)"
    wait_for(lambda: standby.ask(gone), "it follows no more")


def hold(chats: Chats, *ids: int) -> psycopg.Connection[tuple[Any, ...]]:
    """Lock these until the connection is closed."""
    connection = chats.database.connect()
    connection.execute("BEGIN")
    connection.execute("SELECT FROM public.chats WHERE id = ANY (%s) FOR UPDATE", (list(ids),))
    return connection


@pytest.mark.slow
def test_recovery_goes_on_at_the_new_primary_after_a_grace(
    primary: PostgresServer, fast_folder: Path | None, tmp_path: Path
) -> None:
    chats = Chats(EmbeddedDatabase(primary, NAME), tmp_path)
    with Standby(primary, parent=fast_folder) as standby:
        chats.add(*IDS)
        chats.add(*range(100, 105), silent="0 seconds")
        first, second = hold(chats, 3, 4), hold(chats, 5, 6)
        config = auto_config(chats, tmp_path, dsn=dsn_of(primary, standby), grace="3s")
        with Daemon(config, folder=tmp_path) as daemon:
            wait_until_closed(chats, daemon, 1, 2)
            standby.wait_until_it_follows()
            stop_following(standby)
            first.close()
            wait_until_closed(chats, daemon, 1, 2, 3, 4)  # which the standby never hears of
            daemon.wait_for_page(lambda page: recovered(page) == 4, "they are counted")
            chats.do(SLOW)
            second.close()
            wait_for(lambda: chats.rows(IS_CLOSING), "it is in the middle of something")
            primary.kill()
            chats.close()

            standby.ask("pg_promote()")
            survivors = Chats.__new__(Chats)
            survivors.database = EmbeddedDatabase(standby, NAME)
            survivors._connection = survivors.database.connect()
            page = daemon.wait_for_page(
                lambda page: "grace" in (brakes(page) or set()), "it begins anew, with a grace"
            )
            assert survivors.recovered == survivors.audited == [1, 2]
            assert sum(page.values(FAILED)) == page.value(FAILED, reason="connect")
            wait_until_closed(survivors, daemon, 1, 2, 5, 6)

            def counts_on(page: Page) -> bool:
                # What the old primary knew of 3 and 4 is gone: they were opened again, and settle.
                return (recovered(page), candidates(page), brakes(page)) == (4 + 2, 2, set())

            daemon.wait_for_page(counts_on, "the counter goes on")
            rows = survivors.rows("SELECT id FROM public.chats WHERE is_active ORDER BY id")
            assert [row["id"] for row in rows] == [3, 4, 100, 101, 102, 103, 104]
            survivors.close()
