"""Behind PgBouncer in transaction mode, with fewer server connections than there are collections.

PgBouncer is Debian's package. Without it these tests are skipped, and in CI they fail.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from exporter.demo.server.account import private_folder, remove, server_account
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from tests.support.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    wait_for,
    write_config,
)

Client = psycopg.Connection[tuple[Any, ...]]

POOL_SIZE = 2

SOURCES: dict[str, dict[str, Any]] = {
    "conversations": CONVERSATIONS,
    "coaching": {
        **CONVERSATIONS,
        "table": "coaching.roleplay_sessions",
        "active": "status = 'in_progress'",
        "started_at": "started_at",
        "ended_at": "ended_at",
        "duration": None,
        "id": "id",
    },
    "training": {
        **CONVERSATIONS,
        "table": "training.roleplay_sessions",
        "active": '"completedAt" IS NULL',
        "started_at": "createdAt",
        "ended_at": "completedAt",
        "duration": "duration",
        "id": "id",
        "timestamps_in": "America/New_York",
    },
}

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
"""


class PgBouncer:
    """In front of one server, for one role; it refuses to run as root."""

    def __init__(self, program: str, database: EmbeddedDatabase) -> None:
        self.port = 0
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


@pytest.fixture(scope="module")
def program() -> str:
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    found = shutil.which("pgbouncer", path=places)
    if found is None:
        missing = "pgbouncer is not installed (on Debian: apt-get install pgbouncer)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture
def bouncer(program: str, database: EmbeddedDatabase) -> Iterator[PgBouncer]:
    with PgBouncer(program, database) as running:
        yield running


def config_for(bouncer: PgBouncer, folder: Path, **settings: Any) -> Path:
    pooled = {"dsn": bouncer.dsn(), **IMPATIENT, "max_connections": 4, **settings}
    return write_config(folder, {"pooled": pooled}, SOURCES)


def all_succeed(page: Page) -> bool:
    return all(
        page.succeeds(source, collector=collector)
        for source in SOURCES
        for collector in ("active", "daily", "size")
    )


def oldest_success(page: Page, collector: str) -> float:
    name = "session_exporter_collection_last_success_timestamp_seconds"
    values = page.values(name, collector=collector)
    assert len(values) == len(SOURCES)
    return min(values)


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


def server_connections(direct: Client) -> list[str]:
    """Their states."""
    rows = direct.execute(
        b"SELECT state FROM pg_stat_activity"
        b" WHERE datname = current_database() AND usename = 'session_exporter'"
    )
    return [row[0] for row in rows]


def test_collects_through_two_server_connections_and_leaves_no_setting_on_them(
    database: EmbeddedDatabase, bouncer: PgBouncer, tmp_path: Path
) -> None:
    with database.connect(EXPORTER) as client:
        usual = settings_of(client)
    assert usual["TimeZone"] == "Asia/Kathmandu"
    assert usual["transaction_read_only"] == "off"
    with (
        Daemon(config_for(bouncer, tmp_path), folder=tmp_path) as daemon,
        database.connect() as direct,
        bouncer.connect() as first,
        bouncer.connect() as second,
    ):
        page = daemon.wait_for_page(all_succeed, "all are collected")
        until = {each: oldest_success(page, each) + 2 for each in ("active", "daily")}
        deadline = time.monotonic() + 60
        while any(oldest_success(page, each) < until[each] for each in until):
            assert time.monotonic() < deadline, daemon.log
            assert settings_in_the_pool(first, second) == [usual, usual]
            assert len(server_connections(direct)) <= POOL_SIZE
            page = daemon.scrape()
        assert all_succeed(page)
        assert [page.errors(source) for source in SOURCES] == [set()] * len(SOURCES)
        assert page.value("session_exporter_database_up") == 1


def test_a_collection_that_fails_half_way_leaves_nothing_behind_either(
    database: EmbeddedDatabase, bouncer: PgBouncer, tmp_path: Path
) -> None:
    with database.connect(EXPORTER) as client:
        usual = settings_of(client)
    with (
        Daemon(config_for(bouncer, tmp_path), folder=tmp_path) as daemon,
        database.connect() as direct,
        bouncer.connect() as first,
        bouncer.connect() as second,
    ):
        daemon.wait_for_page(all_succeed, "all are collected")
        with direct.transaction():
            direct.execute("LOCK conversations.conversation_sessions")
            page = daemon.wait_for_page(
                lambda page: not page.succeeds("conversations"), "the table is locked"
            )
            assert page.errors("conversations") == {"lock"}
            assert settings_in_the_pool(first, second) == [usual, usual]
        daemon.wait_for_page(all_succeed, "all are collected again")
    idle = lambda: set(server_connections(direct)) <= {"idle"}  # noqa: E731
    with database.connect() as direct:
        wait_for(idle, "nothing is left in a transaction")


def test_gets_well_after_pgbouncer_was_killed_and_started_again(
    bouncer: PgBouncer, tmp_path: Path
) -> None:
    with Daemon(config_for(bouncer, tmp_path), folder=tmp_path) as daemon:
        daemon.wait_for_page(all_succeed, "all are collected")
        bouncer.kill()
        page = daemon.wait_for_page(
            lambda page: page.value("session_exporter_database_up") == 0, "it is gone"
        )
        assert page.errors("conversations") <= {"connect"}
        bouncer.start()
        page = daemon.wait_for_page(all_succeed, "all are collected again", seconds=60)
        assert page.value("session_exporter_database_up") == 1
        assert [page.errors(source) - {"connect"} for source in SOURCES] == [set()] * len(SOURCES)


def test_a_wrong_password_is_an_authentication_failure(bouncer: PgBouncer, tmp_path: Path) -> None:
    config = config_for(bouncer, tmp_path, dsn=bouncer.dsn("wrong"))
    with Daemon(config, folder=tmp_path) as daemon:
        page = daemon.wait_until_ready()
        assert set().union(*(page.errors(source) for source in SOURCES)) == {"auth"}
