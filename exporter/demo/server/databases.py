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
        """Write the URL for a role made with create_role."""
        return self.server.dsn(self.name, user=role)

    def connect(self, role: str = SUPERUSER) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection in autocommit mode; the caller closes it."""
        return psycopg.connect(self.dsn_for(role), autocommit=True)


def create_role(server: PostgresServer, name: str) -> None:
    """Create a role that can log in, with a random password, which the server object stores."""
    password = secrets.token_urlsafe(24)
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
    with EmbeddedDatabase(server, "postgres").connect() as connection:
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(password)))
    server.passwords[name] = password


def create_database(
    server: PostgresServer, name: str, *, owner: str = SUPERUSER, template: str = "template1"
) -> EmbeddedDatabase:
    """Create a database as a copy of a template, to which no session may be connected."""
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
    with EmbeddedDatabase(server, "postgres").connect() as connection:
        connection.execute(statement.format(*map(sql.Identifier, (name, owner, template))))
    return EmbeddedDatabase(server, name)
