"""Connection strings, also as other programs write them: a DATABASE_URL is the application's."""

import re
from typing import Annotated

from exporter.config.fields.parser import ExpectedError, Parser

#: A URL of SQLAlchemy, with the name of its driver, of JDBC, Ecto, Django's PostGIS or PHP.
_FOREIGN_SCHEME = re.compile(
    r"(?:jdbc:)?(?:postgres|postgresql|postgis|pgsql|ecto)(?:\+\w+)?://", re.IGNORECASE
)

#: Options that only other programs read, and that do not affect where or how safely to connect.
_FOREIGN_OPTIONS = {
    # Prisma (Connection URLs, Arguments)
    *("schema", "connection_limit", "pool_timeout", "socket_timeout", "pgbouncer"),
    "statement_cache_size",
    # pgJDBC (Connection Parameters)
    *("currentschema", "preparethreshold", "preparedstatementcachequeries", "stringtype"),
    *("rewritebatchedinserts", "logintimeout", "sockettimeout", "applicationname"),
    # Active Record (Configuring Rails Applications, Database Pooling)
    *("pool", "prepared_statements", "reaping_frequency", "checkout_timeout"),
    # pgx, and its pool: ParseConfig
    *("pool_max_conns", "pool_min_conns", "pool_max_conn_lifetime", "pool_max_conn_idle_time"),
    *("pool_health_check_period", "default_query_exec_mode", "statement_cache_capacity"),
    # SQLAlchemy's dialect for asyncpg
    *("prepared_statement_cache_size", "async_fallback", "command_timeout"),
}

#: asyncpg calls it `ssl`, with the same values; `ssl=true` libpq knows itself, as that of JDBC.
_ASYNCPG_SSL = re.compile(r"ssl=(?=(?:disable|allow|prefer|require|verify-ca|verify-full)$)")


def as_libpq(dsn: str) -> str:
    """A URL that another program reads, as libpq does; any other text as it is."""
    scheme = _FOREIGN_SCHEME.match(dsn)
    if scheme is None:
        return dsn
    user, address = split_user(dsn[scheme.end() :])
    address, _, query = address.partition("?")
    options = [each for each in query.split("&") if each]
    # With an @ in it, it is rather the end of a password that has a / and a ? in it.
    kept = [
        _ASYNCPG_SSL.sub("sslmode=", each)
        for each in options
        if "@" in each or each.partition("=")[0].lower() not in _FOREIGN_OPTIONS
    ]
    return f"postgresql://{user}{address}{'?' if kept else ''}{'&'.join(kept)}"


def split_user(text: str) -> tuple[str, str]:
    """Split what follows :// behind user and password, as libpq finds their end (fe-connect.c)."""
    user = re.match(r"[^@/]*@", text)
    end = user.end() if user else 0
    return text[:end], text[end:]


def _parse(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ExpectedError("a connection string", 'write "" to use only the defaults of libpq')
    return as_libpq(value)


# Only libpq checks it. It may hold a password.
ConnectionString = Annotated[str, Parser(_parse, {"type": "string"})]
