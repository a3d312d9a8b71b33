"""What happens to the exporters, to their connections, to PgBouncer and to the server."""

import os
import signal
import time
from contextlib import suppress

import psycopg

from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.processes.session_exporter import wait_for
from tests.support.recovery.worlds.stress.actor import Actor
from tests.support.recovery.worlds.stress.exporters import Processes
from tests.support.servers.pgbouncer import PgBouncer

#: The server crashes about so often, in seconds.
CRASH_EVERY = 20.0

A_BACKEND = """
SELECT {what} FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND {condition}
ORDER BY random() LIMIT 1
"""


class Faults(Actor):
    """One fault after the other."""

    PAUSE = (0.3, 1.0)

    def __init__(
        self, seed: int, database: EmbeddedDatabase, bouncer: PgBouncer, processes: Processes
    ) -> None:
        super().__init__("faults", seed)
        self._database = database
        self._bouncer = bouncer
        self._processes = processes
        self._crash_at = time.monotonic() + CRASH_EVERY / 4

    def act(self) -> None:
        if time.monotonic() > self._crash_at:
            self._crash_at = time.monotonic() + CRASH_EVERY * self.dice.uniform(0.7, 1.3)
            self.dice.choice((self._kill_backend, self._stop_at_once, self._kill_server))()
            wait_for(self._is_up, "the server is up again")
            return
        fault = self.dice.choices(
            (self._kill_exporter, self._terminate_backend, self._kill_bouncer), (2, 6, 1)
        )[0]
        with suppress(psycopg.OperationalError):  # the server may notice only now that it crashed
            fault()

    def _kill_exporter(self) -> None:
        kind = self._processes.kill_one(self.dice)
        if kind is not None:
            self.done[f"killed: {kind}"] += 1

    def _terminate_backend(self) -> None:
        is_exporter = "application_name = 'session-exporter'"
        self._on_backend("pg_terminate_backend(pid)", is_exporter)
        self.done["terminated backend"] += 1

    def _kill_bouncer(self) -> None:
        self._bouncer.kill()
        self._bouncer.start()
        self.done["killed: PgBouncer"] += 1

    def _kill_backend(self) -> None:
        """Then the server ends all the others, and recovers."""
        pid = self._on_backend("pid", "true")
        if pid is not None and pid in self._database.server.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.done["crash: a backend"] += 1

    def _stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate` does."""
        server = self._database.server
        first, *_ = server.processes()
        os.kill(first, signal.SIGQUIT)
        wait_for(lambda: not server.running, "the server has stopped")
        server.start()
        self.done["crash: immediate stop"] += 1

    def _kill_server(self) -> None:
        self._database.server.kill()
        self._database.server.start()
        self.done["crash: all processes"] += 1

    def _on_backend(self, what: str, condition: str) -> int | None:
        with self._database.connect() as connection:
            query = A_BACKEND.replace("{what}", what).replace("{condition}", condition)
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def _is_up(self) -> bool:
        with suppress(psycopg.OperationalError), self._database.connect():
            return True
        return False
