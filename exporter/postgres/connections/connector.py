"""Connector: opens a connection with the settings of a database, or raises the cause."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import conninfo, pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import PollingStatus

from exporter.config import DatabaseSettings
from exporter.errors import AuthFailed, ConnectFailed, ConnectTimedOut, SourceError
from exporter.postgres import error_causes
from exporter.postgres.connections.abandoned_socket import Abandon, hang_up
from exporter.postgres.connections.address.dsn import dsn_problem, parameters_of
from exporter.postgres.connections.address.name_lookup import Attempt, Resolver, attempts
from exporter.postgres.connections.passwords.password import Password
from exporter.postgres.connections.received_bytes import ReceivedBytes
from exporter.text import some_of

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class _LenientText(Loader):
    """Text from a server whose encoding checks nothing (SQL_ASCII), which may not be UTF-8."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


class Connector:
    """Connects to one database: to the first of its servers that accepts the connection.

    psycopg's connect() leaves a socket, and with it a backend, open at a timeout until garbage
    collection. Here the socket is shut down.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._resolver = Resolver()
        self._password = Password(settings)

    async def connect(self, abandoned: Abandon) -> Connection:
        """Connect. Raises AuthFailed, PermissionDenied or ConnectFailed.

        Name lookup, reading the password, and each server get `connect_timeout`. `abandoned` is
        called with the socket of a server that accepted a connection and never answered.
        """
        parameters = self._parameters()
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                servers, problems = await attempts(parameters, self._resolver)
            password = await self._password.current()
        except TimeoutError:
            raise self._no_answer() from None
        try:
            return await self._first_of(servers, problems, password, abandoned)
        except AuthFailed:
            # It may have changed before the end of its lifetime.
            other = await self._password.after_refusal(password)
            if other is None:
                raise
        return await self._first_of(servers, problems, other, abandoned)

    async def _first_of(
        self,
        servers: Sequence[Attempt],
        problems: Sequence[str],
        password: str | None,
        abandoned: Abandon,
    ) -> Connection:
        """Connect to the first server that accepts it; `problems` are those of names."""
        problems = list(problems)
        given = {} if password is None else {"password": password}
        failure: SourceError | None = None
        for server in servers:
            try:
                return await self._try({**server, **given}, abandoned)
            except SourceError as error:
                # A full server or a refusal is more informative than an unreachable server.
                says_more = failure is None or not isinstance(error, ConnectFailed)
                failure = error if says_more else failure
                problems.append(str(error))
        if failure is None:
            why = some_of(problems, between="; ") or "its host has no address"
            raise ConnectFailed(f"cannot connect to database {self._settings.name}: {why}")
        raise type(failure)(some_of(dict.fromkeys(problems), between="; "))

    async def close(self) -> None:
        await self._resolver.close()

    async def _try(self, server: Attempt, abandoned: Abandon) -> Connection:
        pgconn = pq.PGconn.connect_start(conninfo.make_conninfo(**server).encode())
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                is_connected = await _poll(pgconn)
        except TimeoutError:
            hang_up(pgconn, abandoned)
            pgconn.finish()
            raise self._no_answer() from None
        except psycopg.OperationalError as error:
            pgconn.finish()
            raise ConnectFailed(
                f"cannot connect to database {self._settings.name}: {error}"
            ) from None
        except BaseException:
            pgconn.finish()
            raise
        if not is_connected:
            refusal = self._refusal(pgconn, server)
            pgconn.finish()
            raise refusal
        pgconn.nonblocking = 1  # as psycopg needs it
        connection: Connection = psycopg.AsyncConnection(pgconn)
        await connection.set_autocommit(True)
        connection.prepare_threshold = None
        if pgconn.parameter_status(b"server_encoding") in {None, b"SQL_ASCII"}:
            connection.adapters.register_loader("text", _LenientText)
            connection.adapters.register_loader("name", _LenientText)
        return connection

    def _refusal(self, pgconn: pq.abc.PGconn, server: Attempt) -> SourceError:
        said = bytes(pgconn.error_message).decode("utf-8", "replace")
        password = str(server.get("password") or "")
        if len(password) > 2:  # libpq's messages do not quote it, this makes sure
            said = said.replace(password, "***")
        user = bytes(pgconn.user).decode("utf-8", "replace")
        return error_causes.explain_connecting(self._settings.name, said, user=user)

    def _no_answer(self) -> ConnectTimedOut:
        return ConnectTimedOut(
            f"cannot connect to database {self._settings.name}: no answer within "
            f"{self._settings.connect_timeout:g} s"
        )

    def _parameters(self) -> Attempt:
        settings = self._settings
        if problem := dsn_problem(settings.dsn):
            raise ConnectFailed(f"databases.{settings.name}.dsn: {problem}")
        parameters = parameters_of(settings.dsn)
        parameters |= {"application_name": "session-exporter", "client_encoding": "utf-8"}
        return parameters


async def _poll(pgconn: pq.abc.PGconn) -> bool:
    """Whether it is connected in the end, after all that libpq has to wait for (PQconnectPoll).

    Raises OperationalError where the server sends too much.
    """
    received = ReceivedBytes(pgconn)
    while True:
        status = PollingStatus(pgconn.connect_poll())
        if status in {PollingStatus.OK, PollingStatus.FAILED}:
            return status == PollingStatus.OK
        is_reading = status == PollingStatus.READING
        if await socket_ready(pgconn.socket, to_read=is_reading, to_write=not is_reading):
            received.check()


async def socket_ready(descriptor: int, *, to_read: bool, to_write: bool = False) -> bool:
    """Wait until a socket can be read or written, as wanted; return whether it can be read."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()

    def end(*, can_read: bool) -> None:
        if not ready.done():
            ready.set_result(can_read)

    if to_read:
        loop.add_reader(descriptor, lambda: end(can_read=True))
    if to_write:
        loop.add_writer(descriptor, lambda: end(can_read=False))
    try:
        return await ready
    finally:
        loop.remove_reader(descriptor)
        if to_write:
            loop.remove_writer(descriptor)
