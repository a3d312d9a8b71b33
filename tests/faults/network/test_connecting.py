"""libpq's own ways to a server: several hosts, a service file, .pgpass, TLS."""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from exporter.config import DatabaseSettings
from exporter.demo.server.databases import EmbeddedDatabase, create_database
from exporter.demo.server.server import PostgresServer
from exporter.errors import ConnectFailed
from exporter.postgres import Database
from tests.support.network.proxy import blackhole
from tests.support.network.tls_gateway import CERTIFICATE, KEY, OTHER_CERTIFICATE, Gateway
from tests.support.servers.versions import VERSIONS


async def ask(dsn: str, question: str) -> object:
    """What a server answers to a collection that connects like this."""
    pool = Database(
        DatabaseSettings(name="app", dsn=dsn).model_copy(update={"connect_timeout": 2.0})
    )
    try:
        (result,) = await pool.reader().read(question)
        return result.rows[0][0]
    finally:
        await pool.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def keywords(database: EmbeddedDatabase) -> dict[str, str]:
    parts = urlsplit(database.dsn)
    assert parts.username
    assert parts.password
    return {"user": parts.username, "password": parts.password, "dbname": database.name}


async def test_of_several_hosts_the_first_that_answers_is_taken(database: EmbeddedDatabase) -> None:
    words = " ".join(f"{key}={value}" for key, value in keywords(database).items())
    ports = f"{closed_port()},{database.server.port}"
    dsn = f"host=127.0.0.1,127.0.0.1 port={ports} target_session_attrs=read-write {words}"
    assert await ask(dsn, "SELECT current_database()") == database.name


@pytest.mark.quick("dsn-prefer", "environment-primary")
@pytest.mark.parametrize("attributes", ["any", "prefer-standby", "primary"])
@pytest.mark.parametrize("place", ["dsn", "environment"])
async def test_hosts_that_lead_nowhere_leave_time_enough_for_one_that_answers(
    database: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch, attributes: str, place: str
) -> None:
    words = " ".join(f"{key}={value}" for key, value in keywords(database).items())
    with blackhole() as first, blackhole() as second:
        hosts = "127.0.0.1,127.0.0.1,127.0.0.1"
        ports = f"{first},{second},{database.server.port}"
        if place == "dsn":
            dsn = f"host={hosts} port={ports} target_session_attrs={attributes} {words}"
        else:
            dsn = words
            monkeypatch.setenv("PGHOST", hosts)
            monkeypatch.setenv("PGPORT", ports)
            monkeypatch.setenv("PGTARGETSESSIONATTRS", attributes)
        assert await ask(dsn, "SELECT current_database()") == database.name


async def test_a_name_with_several_addresses_is_tried_at_each(
    database: EmbeddedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def several(host: str, *arguments: object, **named: object) -> object:
        if host != "database.invalid":
            return real(host, *arguments, **named)  # type: ignore[arg-type]
        dead = real("127.0.0.9", *arguments, **named)  # type: ignore[arg-type]
        return [*dead, *real("127.0.0.1", *arguments, **named)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    words = " ".join(f"{key}={value}" for key, value in keywords(database).items())
    dsn = f"host=database.invalid port={database.server.port} {words}"
    assert await ask(dsn, "SELECT current_database()") == database.name


async def test_a_password_file_that_cannot_be_read_to_its_end_holds_nothing_up(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    settings = DatabaseSettings(name="app", dsn=database.dsn)
    pool = Database(settings.model_copy(update={"password_file": pipe, "connect_timeout": 2.0}))
    reading = asyncio.create_task(pool.reader().read("SELECT 1"))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.01)
        turns += 1
    with pytest.raises(ConnectFailed, match="no answer within 2 s"):
        await reading
    assert turns > 50
    with pipe.open("w"):  # lets the thread that reads go
        await pool.close()


async def test_a_service_file_and_a_password_file_of_libpq_work(
    database: EmbeddedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = keywords(database)
    port = database.server.port
    service = tmp_path / "pg_service.conf"
    service.write_text(
        f"[app]\nhost=127.0.0.1\nport={port}\ndbname={known['dbname']}\nuser={known['user']}\n"
    )
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"127.0.0.1:{port}:*:{known['user']}:{known['password']}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    assert await ask("service=app", "SELECT current_database()") == database.name


async def test_tls_is_used_and_verified_as_libpq_offers_it(database: EmbeddedDatabase) -> None:
    with Gateway(database.server.port) as gateway:
        dsn = database.dsn.replace(f":{database.server.port}/", f":{gateway.port}/")
        verified = f"{dsn}?sslmode=verify-full&sslrootcert="
        question = "SELECT current_database()"
        assert await ask(f"{dsn}?sslmode=require", question) == database.name
        assert await ask(f"{verified}{CERTIFICATE}", question) == database.name
        assert gateway.encrypted == 2
        with pytest.raises(ConnectFailed, match="certificate verify failed") as failure:
            await ask(f"{verified}{OTHER_CERTIFICATE}", question)
        assert gateway.encrypted == 2
        assert database.server.passwords["postgres"] not in str(failure.value)


async def test_without_tls_on_the_server_none_is_pretended(database: EmbeddedDatabase) -> None:
    with pytest.raises(ConnectFailed, match="server does not support SSL"):
        await ask(f"{database.dsn}?sslmode=require", "SELECT 1")


@pytest.mark.skipif(
    15 not in VERSIONS, reason="the wheel's PostgreSQL is built without TLS: it takes a 15"
)
async def test_a_server_says_itself_that_the_connection_is_encrypted(
    fast_folder: Path | None,
) -> None:
    with PostgresServer(VERSIONS[15], parent=fast_folder) as server:
        owner = server.data.stat()
        for file in (KEY, CERTIFICATE):
            target = server.data / file.name
            shutil.copy(file, target)
            target.chmod(0o600)
            shutil.chown(target, owner.st_uid, owner.st_gid)
        database = create_database(server, "watched")
        with database.connect() as connection:
            connection.execute("ALTER SYSTEM SET ssl = on")
            connection.execute("SELECT pg_reload_conf()")
        is_encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        verified = f"{database.dsn}?sslmode=verify-full&sslrootcert={CERTIFICATE}"
        await until_true(lambda: ask(verified, is_encrypted))


async def until_true(attempt: Callable[[], object]) -> None:
    """The reload takes a moment; every attempt is a new connection."""
    for _ in range(200):
        try:
            if await attempt() is True:  # type: ignore[misc]
                return
        except ConnectFailed:
            continue
    raise AssertionError("the server did not offer TLS")
