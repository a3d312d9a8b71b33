"""Databases and roles on an embedded server."""

import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from exporter.demo.server.server import SUPERUSER, PostgresServer


@dataclass(frozen=True, slots=True)
class EmbeddedDatabase:
    """One database on one server."""

    server: PostgresServer
    name: str

    @property
    def dsn(self) -> str:
        """The URL for the superuser."""
        return self.dsn_for(SUPERUSER)

    def dsn_for(self, role: str) -> str:
        """Write the URL for a role of require_role."""
        return self.server.dsn(self.name, user=role)

    def connect(self, role: str = SUPERUSER) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection in autocommit mode; the caller closes it."""
        return psycopg.connect(self.dsn_for(role), autocommit=True)


def require_role(server: PostgresServer, name: str) -> None:
    """See to it that a role can log in, with a random password, which the server object stores.

    A role that exists already, such as one of a printed script, is given a password.
    """
    if name in server.passwords:
        return
    password = secrets.token_urlsafe(24)
    with EmbeddedDatabase(server, "postgres").connect() as connection:
        found = connection.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", [name])
        verb = sql.SQL("ALTER" if found.fetchone() is not None else "CREATE")
        statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
        connection.execute(statement.format(verb, sql.Identifier(name), sql.Literal(password)))
    server.passwords[name] = password


def create_database(
    server: PostgresServer, name: str, *, owner: str = SUPERUSER, template: str = "template1"
) -> EmbeddedDatabase:
    """Create a database as a copy of a template, to which no session may be connected."""
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
    with EmbeddedDatabase(server, "postgres").connect() as connection:
        connection.execute(statement.format(*map(sql.Identifier, (name, owner, template))))
    return EmbeddedDatabase(server, name)
