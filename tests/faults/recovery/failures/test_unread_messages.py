"""A client that sends the message that closes sessions, and never reads what the server answers."""

import asyncio
import select
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import ConnectFailed
from exporter.postgres import Transaction, Writer
from exporter.recovery.audit.installation import audit_script
from exporter.recovery.close.by_message import MessageCloser
from exporter.recovery.close.by_statements import StatementCloser
from tests.support.collection.declarations import settings_of
from tests.support.processes.session_exporter import wait_for
from tests.support.recovery.close_runs import all_candidates
from tests.support.recovery.planned_stops import prepare, stopping
from tests.support.recovery.statements.changes import with_setting
from tests.support.recovery.statements.templates import Templates
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute, rows
from tests.support.servers.versions import VERSIONS

#: An index of PostgreSQL takes no wider id than about 2,700 bytes.
WIDEST = 2600

ORPHANS = """\
INSERT INTO chat (id, started, seen)
SELECT n || left(repeat(md5(n::text), 82), {wide}), now() - interval '4 hours',
    now() - interval '3 hours'
FROM generate_series(1, {count}) AS n
"""

#: Each row sends more than nothing to a client that takes it.
NOISY = """\
CREATE FUNCTION speak() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING '%', repeat('loud ', 100); RETURN new; END $$;
CREATE TRIGGER speak BEFORE UPDATE ON chat FOR EACH ROW EXECUTE FUNCTION speak()
"""

CLOSED = "SELECT count(*) FROM chat WHERE NOT is_open"
AUDITED = "SELECT count(*) FROM session_exporter.recovery"


@pytest.fixture
def sockets() -> Iterator[str]:
    """A folder with a short name, in which the server's user may make a socket."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield folder


@pytest.fixture
def without_timeouts(templates: Templates, unhurried: None) -> None:
    """No timeout of the server ends the transaction; `unhurried` is for the time of sending."""
    templates.change("recovery/close/begin", with_setting("statement_timeout", "60s"))


@pytest.mark.slow
@pytest.mark.usefixtures("without_timeouts")
@pytest.mark.parametrize("major", VERSIONS)
@pytest.mark.parametrize("wide", [30, WIDEST])
async def test_no_lock_waits_for_a_client_that_does_not_read(
    major: int, wide: int, sockets: str, tmp_path: Path, fast_folder: Path | None
) -> None:
    count = StatementCloser.most
    settings = {"unix_socket_directories": sockets, "max_wal_size": "4GB"}
    with QuickServer(VERSIONS[major], settings=settings, parent=fast_folder) as server:
        database = EmbeddedDatabase(server, "postgres")
        execute(database, audit_script())
        prepare(database, ORPHANS.format(count=count, wide=wide), NOISY)
        name = database.dsn.replace(f"127.0.0.1:{server.port}", "")
        at_socket = settings_of(f"{name}?host={sockets}&port={server.port}")
        writer = Writer(at_socket, timezone="UTC")
        async with stopping(database, tmp_path) as it:
            chunk = await all_candidates(it.reader, it.rule)
            assert len(chunk) == count
            closer = MessageCloser(StatementCloser(writer, "manual", it.orphans))
            message = ";\n".join([*closer.message(chunk, uuid.uuid4()), "COMMIT"])
            with suppress(ConnectFailed):  # it hangs up, and cannot end what the server has ended
                async with writer.transaction() as transaction:
                    await send_and_read_nothing(transaction, database, message)
        await writer.close()
        ((closed,),), ((audits,),) = rows(database, CLOSED), rows(database, AUDITED)
    assert closed == audits == count


async def send_and_read_nothing(
    transaction: Transaction, database: EmbeddedDatabase, message: str
) -> None:
    """Send it, wait until the server has no transaction for it, and hang up."""
    ((backend,),) = await transaction.rows("SELECT pg_backend_pid()")
    query = f"SELECT FROM pg_stat_activity WHERE pid = {backend} AND xact_start IS NOT NULL"
    pgconn = transaction._connection.pgconn

    def send() -> None:
        pgconn.send_query(message.encode())
        while pgconn.flush():
            select.select([], [pgconn.socket], [])
        wait_for(lambda: not rows(database, query), "no transaction is open")

    await asyncio.to_thread(send)
    await transaction._connection.close()
