"""PgBouncer in transaction mode in front of one server, and the settings of its connections."""

import contextlib
import socket
import subprocess
from pathlib import Path
from typing import Any, Self

import psycopg

from exporter.demo.server.account import private_folder, remove, server_account
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.processes.session_exporter import (
    wait_for,
)

Client = psycopg.Connection[tuple[Any, ...]]

POOL_SIZE = 2

#: What a collection sets for its own transaction, and what that transaction is.
SETTINGS = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "row_security",
    "max_parallel_workers_per_gather",
    "jit",
    "TimeZone",
    "transaction_read_only",
    "enable_seqscan",
)

CONFIG = """\
[databases]
* = host=127.0.0.1 port={upstream}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {pool_size}
server_login_retry = 1
{settings}
"""


class PgBouncer:
    """In front of one server, for one role; it refuses to run as root."""

    def __init__(self, program: str, database: EmbeddedDatabase) -> None:
        self.port = 0
        #: Lines of its config; they count from the next start.
        self.settings = ""
        self._program = program
        self._database = database
        self._account = server_account()
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder = private_folder(self._account)
        users = self._folder / "users.txt"
        users.write_text(f'"{EXPORTER}" "{self._database.server.passwords[EXPORTER]}"\n')
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        remove(self._folder)

    def start(self) -> None:
        """Start on a free port, and after kill() on the same one; wait until it listens."""
        wait_for(self._try_to_start, "PgBouncer listens", details=lambda: self.log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def dsn(self, password: str | None = None) -> str:
        secret = password or self._database.server.passwords[EXPORTER]
        return f"postgresql://{EXPORTER}:{secret}@127.0.0.1:{self.port}/{self._database.name}"

    def connect(self) -> Client:
        return psycopg.connect(self.dsn(), autocommit=True)

    def _try_to_start(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            # Somebody may take the port between the question and the start.
            self.port = self.port or _free_port()
            config = self._folder / "pgbouncer.ini"
            config.write_text(
                CONFIG.format(
                    upstream=self._database.server.port,
                    port=self.port,
                    folder=self._folder,
                    pool_size=POOL_SIZE,
                    settings=self.settings,
                )
            )
            self._account.own(self._folder)
            command: list[str | Path] = [self._program, config]
            self._process = self._account.spawn(command, self._folder, self._folder / "log")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return self._process.poll() is None
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_of(client: Client) -> dict[str, str]:
    shown = {}
    for name in SETTINGS:
        row = client.execute(f"SHOW {name}".encode()).fetchone()
        assert row is not None
        shown[name] = row[0]
    return shown


def settings_in_the_pool(first: Client, second: Client) -> list[dict[str, str]]:
    """On each of its server connections: two open transactions take both."""
    with first.transaction(), second.transaction():
        return [settings_of(first), settings_of(second)]
