"""One connection: from the settings to a connection that is ready, or to why there is none."""

import asyncio
import math
import os
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from exporter import causes
from exporter.config import Database as Settings
from exporter.database.dsn import dsn_problem, number_of_hosts, parameters_of
from exporter.errors import AuthFailed, ConnectFailed

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

#: How much longer than libpq's or the server's own deadline the client waits before it hangs up.
CLIENT_GRACE_SECONDS = 1.0


class _LenientText(Loader):
    """Text from a server whose encoding checks nothing (SQL_ASCII) may be no UTF-8."""

    def load(self, data: Buffer) -> str:
        return bytes(data).decode("utf-8", "replace")


async def connect(settings: Settings) -> Connection:
    """Connect. Raises AuthFailed or ConnectFailed, at the latest soon after `connect_timeout`."""
    parameters = _parameters(settings)
    timeout = math.ceil(settings.connect_timeout)
    try:
        async with asyncio.timeout(timeout * number_of_hosts(parameters) + CLIENT_GRACE_SECONDS):
            connection: Connection = await psycopg.AsyncConnection.connect(
                **parameters, connect_timeout=timeout, autocommit=True, prepare_threshold=None
            )
    except TimeoutError:
        raise ConnectFailed(
            f"cannot connect to database {settings.name}: no answer within {timeout} s"
        ) from None
    except (psycopg.Error, UnicodeError) as error:  # UnicodeError: a..b is no host name
        text = _without_password(str(error), str(parameters.get("password") or ""))
        raise causes.of_connecting(settings.name, text, user=_user(error)) from None
    connection.adapters.register_loader("text", _LenientText)
    connection.adapters.register_loader("name", _LenientText)
    return connection


def _parameters(settings: Settings) -> dict[str, Any]:
    if problem := dsn_problem(settings.dsn):
        raise ConnectFailed(f"databases.{settings.name}.dsn: {problem}")
    parameters = parameters_of(settings.dsn)
    parameters |= {"application_name": "session-exporter", "client_encoding": "utf-8"}
    if settings.password_file is not None:
        parameters["password"] = _password(settings.name, settings.password_file)
    parameters.pop("connect_timeout", None)
    return parameters


def _password(database: str, path: "os.PathLike[str]") -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - any PathLike
            return file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise AuthFailed(
            f"databases.{database}.password_file: cannot read {path}: {detail}"
        ) from None


def _user(error: Exception) -> str:
    """Whom libpq tried to connect as, wherever it had the name from."""
    pgconn = getattr(error, "pgconn", None)
    return "" if pgconn is None else bytes(pgconn.user).decode("utf-8", "replace")


def _without_password(text: str, password: str) -> str:
    """Should a message ever quote the password: libpq's do not."""
    return text.replace(password, "***") if len(password) > 2 else text
