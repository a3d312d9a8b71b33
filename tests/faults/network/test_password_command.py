"""Passwords that are valid for a moment, as tokens of 15 minutes are, under all that connects."""

import fcntl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from exporter import backoff
from exporter.demo.server.binaries import wheel_binaries
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import PostgresServer
from exporter.demo.systems.schemas import EXPORTER, create_empty
from exporter.recovery.audit.installation import audit_script
from tests.support.collection.exporter import Exporting
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    run,
    wait_for,
    write_config,
)
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a server of its own; the unit tests of passwords/ are quick

CLOSER = "closer"
SUCCESS = "session_exporter_collection_success"
SOURCE: dict[str, Any] = {**CONVERSATIONS, "daily": None}
RECOVERY = {
    "mode": "auto",
    "set": {"is_active": False, "session_end": "{end}"},
    "end_at": "now",
    "trust_age": True,
}

#: Prints a token under the lock that is held while it changes, and notes that it runs.
PROGRAM = """
import fcntl, sys
folder = sys.argv[1]
with open(folder + "/runs", "a") as runs, open(folder + "/lock") as lock:
    fcntl.flock(lock, fcntl.LOCK_SH)
    print(open(folder + "/token").read())
    runs.write("run\\n")
"""


@pytest.fixture(scope="module")
def own_server(fast_folder: Path | None) -> Iterator[PostgresServer]:
    """Its roles get other passwords."""
    with QuickServer(wheel_binaries(18), parent=fast_folder) as server:
        execute(
            EmbeddedDatabase(server, "postgres"),
            f"CREATE ROLE {CLOSER} LOGIN SUPERUSER",
        )
        yield server


class Tokens:
    """The password of a role, which a service changes and a command prints."""

    def __init__(self, folder: Path, role: str, database: EmbeddedDatabase) -> None:
        self._role = role
        self._database = database
        self._folder = folder / role
        self._folder.mkdir()
        for name in ("runs", "lock"):
            (self._folder / name).touch()
        self.issued: list[str] = []
        self.change()

    @property
    def dsn(self) -> str:
        server = self._database.server
        return f"host=127.0.0.1 port={server.port} dbname={self._database.name} user={self._role}"

    @property
    def settings(self) -> dict[str, Any]:
        return {"dsn": self.dsn, "password_command": self.command}

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-SIc", PROGRAM, str(self._folder)]

    @property
    def runs(self) -> int:
        return len((self._folder / "runs").read_text().split())

    def change(self) -> None:
        token = f"token-{self._role}-{len(self.issued)}-{time.monotonic_ns()}"
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        with (self._folder / "lock").open() as lock, self._database.connect() as connection:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.issued.append(token)
            (self._folder / "token").write_text(token)
            connection.execute(statement.format(sql.Identifier(self._role), sql.Literal(token)))

    @contextmanager
    def changing(self, *, every: float) -> Iterator[None]:
        is_over = threading.Event()

        def change() -> None:
            while not is_over.wait(every):
                self.change()

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


@pytest.fixture
def database(own_server: PostgresServer, request: pytest.FixtureRequest) -> EmbeddedDatabase:
    name = f"rotating_{abs(hash(request.node.name))}"
    database = create_empty(own_server, name)
    execute(
        database,
        "INSERT INTO conversations.conversation_sessions (session_id, user_id)"
        " SELECT gen_random_uuid(), 'somebody' FROM generate_series(1, 3)",
        audit_script(),
    )
    return database


@pytest.fixture
def reading(tmp_path: Path, database: EmbeddedDatabase) -> Tokens:
    return Tokens(tmp_path, EXPORTER, database)


@pytest.fixture
def writing(tmp_path: Path, database: EmbeddedDatabase) -> Tokens:
    return Tokens(tmp_path, CLOSER, database)


def end_connections(database: EmbeddedDatabase) -> None:
    """So that the next statement takes a new connection; nothing runs on them now."""
    with database.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'session-exporter'"
        )


def config_of(folder: Path, reading: Tokens, writing: Tokens | None = None, **more: Any) -> Path:
    app = {**IMPATIENT, **reading.settings, **more}
    chats = SOURCE
    if writing is not None:
        own = {"dsn": writing.dsn, "password_command": writing.command}
        chats = {**SOURCE, "recovery": {**RECOVERY, **own}}
    return write_config(folder, {"app": app}, {"chats_1": chats, "chats_2": SOURCE})


def both_succeed(page: Page) -> bool:
    return page.succeeds("chats_1") and page.succeeds("chats_2")


def failures(page: Page) -> list[float]:
    return page.values("session_exporter_collection_errors_total") + page.values(
        "sessions_recovery_failed_total"
    )


def test_tokens_that_change_all_the_time_fail_no_collection_and_no_recovery(
    database: EmbeddedDatabase, reading: Tokens, writing: Tokens, tmp_path: Path
) -> None:
    config = config_of(tmp_path, reading, writing, password_lifetime="4s")
    with (
        Exporting(config) as exporting,
        reading.changing(every=2.0),
        writing.changing(every=2.0),
    ):
        # Twice as long as their lifetime, so that they are renewed because of it as well.
        while min(len(reading.issued), len(writing.issued)) < 5:
            page = exporting.run()
            assert all(page.values(SUCCESS)), exporting.log
            end_connections(database)
        assert not any(failures(page)), exporting.log
        assert page.value("session_exporter_database_up") == 1
        assert page.value("sessions_recovery_candidates", source="chats_1") is not None
        said = exporting.log
    assert reading.runs > 3
    assert writing.runs > 3
    assert not [each for each in reading.issued + writing.issued if each in said]
    assert "PROGRAM" not in said
    assert sys.executable not in said


def test_a_password_is_cached_and_asked_for_again_as_soon_as_it_is_refused(
    database: EmbeddedDatabase, reading: Tokens, tmp_path: Path
) -> None:
    with Exporting(config_of(tmp_path, reading)) as exporting:
        for _ in range(5):
            assert both_succeed(exporting.collect("active"))
            end_connections(database)
        assert reading.runs == 1
        reading.change()
        page = exporting.collect("active")
        assert both_succeed(page)
        assert not any(failures(page))
        assert reading.runs == 2


def test_a_command_that_fails_is_an_auth_failure_that_is_retried_soon(
    database: EmbeddedDatabase, reading: Tokens, tmp_path: Path
) -> None:
    token = tmp_path / EXPORTER / "token"
    with Exporting(config_of(tmp_path, reading)) as exporting:
        kept = token.read_text()
        token.unlink()
        page = exporting.collect("active")
        assert page.errors("chats_1") == {"auth"}
        assert page.value("session_exporter_database_up") == 0
        assert exporting.failure("chats_1").startswith(
            "password_command for database app: it ended with exit code 1; run it by hand"
        )
        assert exporting.seconds_of_backoff() <= backoff.CONNECT[0]
        token.write_text(kept)
        exporting.end_backoff()
        assert both_succeed(exporting.collect("active"))
        assert "Traceback" not in exporting.log
        assert str(tmp_path) not in exporting.log


def test_a_wrong_password_is_asked_for_once_more_and_then_not_again_soon(
    database: EmbeddedDatabase, reading: Tokens, tmp_path: Path
) -> None:
    (tmp_path / EXPORTER / "token").write_text("hunter2")
    with Exporting(config_of(tmp_path, reading)) as exporting:
        page = exporting.collect("active")
        assert page.errors("chats_1") == {"auth"}
        assert "password authentication failed" in exporting.failure("chats_1")
        assert exporting.seconds_of_backoff() > backoff.AUTHENTICATION[0] - 5
        assert "hunter2" not in exporting.log
    assert reading.runs == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("once",),
        ("check", "--live"),
        ("check", "--live", "--all", "--format", "json"),
        ("orphans",),
        ("recover", "chats_1"),
        ("sql", "role"),
        ("runs",),
    ],
    ids=" ".join,
)
def test_every_command_connects_with_it_and_says_in_a_sentence_why_it_cannot(
    reading: Tokens, writing: Tokens, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    config = config_of(tmp_path, reading, writing)
    done = run(*arguments, "-c", config, folder=tmp_path)
    assert "password_command" not in done.stdout + done.stderr
    assert "authentication" not in done.stdout + done.stderr
    tokens = reading.issued + writing.issued
    for role in (EXPORTER, CLOSER):
        (tmp_path / role / "token").unlink()
    failed = run(*arguments, "-c", config, folder=tmp_path)
    said = failed.stdout + failed.stderr
    # Without a connection, `sql` prints what follows from the config alone.
    assert failed.returncode == (0 if arguments[0] == "sql" else 1), said
    assert "password_command for database app: it ended with exit code 1" in " ".join(said.split())
    for output in (done, failed):
        text = output.stdout + output.stderr
        assert not [each for each in (*tokens, str(tmp_path / EXPORTER), "fcntl") if each in text]


def test_a_command_that_hangs_ends_with_the_daemon(reading: Tokens, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    hanging = ["sh", "-c", f"echo $$ >{pid}.new; mv {pid}.new {pid}; sleep 100"]
    config = config_of(tmp_path, reading, password_command=hanging, password_timeout="60s")
    with Daemon(config, folder=tmp_path) as daemon:
        wait_for(pid.exists, "it runs")
        assert daemon.stop(seconds=30) == 0
        number = int(pid.read_text())
        wait_for(lambda: not _is_running(number), "it is killed")


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
