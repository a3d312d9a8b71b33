"""A streaming standby: a copy of a running server that follows it."""

from pathlib import Path
from typing import Any

import psycopg

from exporter.demo.server.binaries import runnable
from exporter.demo.server.cluster import EmbeddedServerError, tail
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer
from tests.support.processes.session_exporter import wait_for

#: So that a test does not wait long for a receiver to come back, nor loses its place meanwhile.
PRIMARY_SETTINGS = {
    "wal_retrieve_retry_interval": "100ms",
    "wal_keep_size": "64MB",
    "autovacuum": "off",
}


class Standby(PostgresServer):
    """Made by pg_basebackup when it starts, and following its primary from then on."""

    def __init__(self, primary: PostgresServer, *, parent: Path | None = None) -> None:
        super().__init__(primary.binaries, parent=parent)
        self._primary = primary

    def _initialise(self) -> None:
        self._programs = runnable(self.binaries, self._account, self.folder)
        self.passwords = dict(self._primary.passwords)
        command: list[str | Path] = [
            self._programs / "pg_basebackup",
            f"--pgdata={self.data}",
            f"--dbname={self._primary.dsn()}",
            "--write-recovery-conf",  # standby.signal and primary_conninfo
            "--checkpoint=fast",
            "--no-sync",
        ]
        done = self._account.run(command, self.folder)
        if done.returncode:
            raise EmbeddedServerError(f"pg_basebackup failed:\n{tail(done.stdout)}")

    def ask(self, question: str) -> Any:
        """The value of an SQL expression, as a superuser on the standby."""
        with EmbeddedDatabase(self, "postgres").connect() as connection:
            row = connection.execute(f"SELECT {question}".encode()).fetchone()
        assert row is not None
        return row[0]

    def wait_until_it_follows(self, seconds: float = 30.0) -> None:
        """Wait until it streams and has replayed everything that the primary has written."""
        with psycopg.connect(self._primary.dsn(), autocommit=True) as connection:
            row = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        follows = (
            f"pg_last_wal_replay_lsn() >= '{row[0]}'"
            " AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"
            " AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')"
        )
        wait_for(lambda: self.ask(follows), "the standby follows", seconds=seconds, every=0.05)
