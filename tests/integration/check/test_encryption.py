"""The connection to another machine: whether it is encrypted, and what is said of it."""

from pathlib import Path

import pytest

from exporter.check.connection.encryption import check_encryption
from exporter.check.findings import Finding, FindingWriter, Status
from exporter.config import DatabaseSettings
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database
from exporter.postgres.connections.address.hop import Hop
from tests.support.network.tls_gateway import CERTIFICATE, Gateway
from tests.support.processes.session_exporter import CONVERSATIONS, run, write_config


async def found(dsn: str, hop: Hop | None = None) -> Finding:
    """The finding of a connection string; `hop` as if its server were there."""
    database = Database(DatabaseSettings(name="app", dsn=dsn))
    try:
        await database.reader().rows("SELECT 1")
        if hop is not None:
            database.pool.hop = hop
        return await check_encryption(database, FindingWriter("app"), "encryption")
    finally:
        await database.close()


async def test_an_unencrypted_connection_to_another_machine_is_a_warning_with_what_to_write(
    database: EmbeddedDatabase,
) -> None:
    far = Hop("192.0.2.7", is_local=False, is_encrypted=False)
    finding = await found(database.dsn, far)
    assert finding.status is Status.WARNING
    assert finding.message == (
        "the connection to 192.0.2.7 is not encrypted: others on the network can read and change "
        "its data; write sslmode=verify-full and sslrootcert=FILE, the authority of the "
        "server's certificate, into its dsn"
    )


async def test_an_encrypted_one_is_well(database: EmbeddedDatabase) -> None:
    far = Hop("192.0.2.7", is_local=False, is_encrypted=True)
    finding = await found(database.dsn, far)
    assert (finding.status, finding.message) == (
        Status.OK,
        "the connection to 192.0.2.7 is encrypted",
    )


async def test_what_does_not_leave_this_machine_need_not_be_encrypted(
    any_database: EmbeddedDatabase,
) -> None:
    finding = await found(any_database.dsn)
    assert finding.status is Status.OK
    assert finding.message == "the connection does not leave this machine"


async def test_the_way_is_that_of_libpq_to_whatever_stands_before_the_server(
    database: EmbeddedDatabase,
) -> None:
    """To pg_stat_ssl the connection of this gateway, or of a pooler, is not encrypted."""
    with Gateway(database.server.port) as gateway:
        dsn = database.dsn.replace(f":{database.server.port}/", f":{gateway.port}/")
        dsn += f"?sslmode=verify-full&sslrootcert={CERTIFICATE}&require_auth=scram-sha-256"
        pool = Database(DatabaseSettings(name="app", dsn=dsn))
        try:
            sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            assert await pool.reader().value(sql) is False
            assert pool.hop == Hop("127.0.0.1", is_local=True, is_encrypted=True)
        finally:
            await pool.close()


@pytest.mark.slow  # a command; the fast ones above are of the check itself
def test_check_live_says_it_of_the_database_and_of_the_dsn_of_recovery(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    recovery = {"dsn": database.dsn, "set": {"is_active": False}, "end_at": "now"}
    config = write_config(
        tmp_path,
        {"app": {"dsn": database.dsn_for(EXPORTER)}},
        {"chats": {**CONVERSATIONS, "recovery": recovery}},
    )
    said = run("check", "--live", "--all", "-c", config, folder=tmp_path).stdout
    assert "encryption: the connection does not leave this machine" in said
    assert "recovery encryption: the connection does not leave this machine" in said
