import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exporter.demo.server import server as module
from exporter.demo.server.account import private_folder
from exporter.demo.server.server import EmbeddedServerError, PostgresServer, wheel_binaries
from tests.support.servers.quick_server import QuickServer


def answer(server: PostgresServer, query: bytes) -> object:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def alive(pid: int) -> bool:
    """A zombie is dead: where nobody reaps orphans, they stay in the list."""
    try:
        os.kill(pid, 0)
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
    except (ProcessLookupError, FileNotFoundError):
        return False


def gone(pids: tuple[int, ...], deadline: float = 10.0) -> bool:
    until = time.monotonic() + deadline
    while any(map(alive, pids)):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every folder that a server was given."""
    given = []

    def record(*args: object) -> Path:
        given.append(private_folder(*args))  # type: ignore[arg-type]
        return given[-1]

    monkeypatch.setattr(module, "private_folder", record)
    return given


def test_starts_answers_and_leaves_nothing_behind(
    server: PostgresServer, fast_folder: Path | None
) -> None:
    with PostgresServer(server.binaries, parent=fast_folder) as own:
        assert answer(own, b"SELECT 1") == 1
        pids, folder = own.processes(), own.folder
        assert len(pids) > 1
    assert gone(pids)
    assert not folder.exists()


def test_two_servers_run_side_by_side(fast_folder: Path | None) -> None:
    with (
        QuickServer(wheel_binaries(), parent=fast_folder) as one,
        QuickServer(wheel_binaries(), parent=fast_folder) as two,
    ):
        assert one.port != two.port
        assert answer(one, b"SHOW port") == str(one.port)
        assert answer(two, b"SHOW port") == str(two.port)


def test_a_running_server_refuses_to_start_again(fast_folder: Path | None) -> None:
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        with pytest.raises(EmbeddedServerError, match=f"already runs, on port {own.port}"):
            own.start()
        assert answer(own, b"SELECT 1") == 1


def test_starts_again_after_it_was_stopped(fast_folder: Path | None) -> None:
    own = QuickServer(wheel_binaries(), parent=fast_folder)
    for _ in range(2):
        with own:
            assert answer(own, b"SELECT 1") == 1


def test_a_start_that_fails_shows_the_log_and_leaves_nothing_behind(
    folders: list[Path], fast_folder: Path | None
) -> None:
    own = QuickServer(wheel_binaries(), parent=fast_folder, settings={"shared_buffers": "plenty"})
    with pytest.raises(
        EmbeddedServerError, match='invalid value for parameter "shared_buffers": "plenty"'
    ):
        own.start()
    assert len(folders) == 1
    assert not folders[0].exists()
    assert not own.running


def test_a_folder_without_postgresql_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match=f"no PostgreSQL in {tmp_path}"):
        PostgresServer(tmp_path).start()


def test_takes_another_port_when_the_first_is_taken_in_between(
    monkeypatch: pytest.MonkeyPatch, fast_folder: Path | None
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, free_port = taken.getsockname()[1], module._free_port
        ports = iter([port])
        monkeypatch.setattr(module, "_free_port", lambda: next(ports, None) or free_port())
        with QuickServer(wheel_binaries(), parent=fast_folder) as own:
            assert own.port != port
            assert answer(own, b"SELECT 1") == 1


def test_is_reached_over_loopback_with_the_password_only(fast_folder: Path | None) -> None:
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        assert answer(own, b"SHOW listen_addresses") == "127.0.0.1"
        assert answer(own, b"SHOW unix_socket_directories") == ""
        for wrong in ("", "postgres"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(own.dsn(password=wrong))
        assert not (own.folder / "password").exists()
        assert own.folder.stat().st_mode & 0o077 == 0


def test_settings_arrive_and_alter_system_can_change_them(fast_folder: Path | None) -> None:
    with QuickServer(
        wheel_binaries(), parent=fast_folder, settings={"cluster_name": "it's ours"}
    ) as own:
        assert answer(own, b"SHOW cluster_name") == "it's ours"
        with psycopg.connect(own.dsn(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET cluster_name = 'changed'")
        own.kill()
        own.start()
        assert answer(own, b"SHOW cluster_name") == "changed"


def test_libpq_variables_of_the_user_do_not_reach_the_server(
    monkeypatch: pytest.MonkeyPatch, fast_folder: Path | None
) -> None:
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("PGPORT", "1")
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        assert answer(own, b"SELECT 1") == 1


def test_a_ctrl_c_on_our_terminal_does_not_reach_it(fast_folder: Path | None) -> None:
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        assert own.processes()
        assert all(os.getpgid(pid) != os.getpgrp() for pid in own.processes())


def test_stops_under_a_client_that_is_busy(fast_folder: Path | None) -> None:
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        folder = own.folder
        client = psycopg.connect(own.dsn())
        client.pgconn.send_query(b"SELECT pg_sleep(600)")
    assert not folder.exists()
    client.close()


def test_a_killed_server_starts_again_on_its_port_with_its_data(fast_folder: Path | None) -> None:
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        port, pids = own.port, own.processes()
        with psycopg.connect(own.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            connection.execute("CHECKPOINT")  # fsync is off, but the page cache survives a kill
        own.kill()
        assert not own.running
        assert gone(pids)
        own.start()
        assert own.port == port
        assert answer(own, b"SELECT answer FROM kept") == 42


def test_a_server_that_somebody_killed_can_be_stopped(fast_folder: Path | None) -> None:
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        pids, folder = own.processes(), own.folder
        os.kill(pids[0], signal.SIGKILL)
    assert gone(pids)
    assert not folder.exists()


def test_a_frozen_server_can_be_stopped(fast_folder: Path | None) -> None:
    with QuickServer(wheel_binaries(), parent=fast_folder) as own:
        pids, folder = own.processes(), own.folder
        os.kill(pids[0], signal.SIGSTOP)
    assert gone(pids)
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    own = PostgresServer(wheel_binaries(), parent=tmp_path / "missing")
    with pytest.raises(EmbeddedServerError, match=r"PostgreSQL cannot be started: .*missing"):
        own.start()


def test_stopping_twice_is_fine(fast_folder: Path | None) -> None:
    own = QuickServer(wheel_binaries(), parent=fast_folder)
    own.start()
    own.stop()
    own.stop()
    assert own.port == 0


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_ctrl_c_right_after_its_folder_was_made_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)

    def interrupted(*args: object) -> Path:
        folder = private_folder(*args)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        return folder

    monkeypatch.setattr(module, "private_folder", interrupted)
    with pytest.raises(KeyboardInterrupt):
        PostgresServer(wheel_binaries(), parent=tmp_path).start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("program", ["initdb", "postgres"])
def test_a_ctrl_c_right_after_a_program_was_started_ends_that_too(
    monkeypatch: pytest.MonkeyPatch, fast_folder: Path | None, program: str
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, command: list[str | Path], **options: Any) -> None:
            super().__init__(command, **options)
            if Path(command[0]).name == program and "--version" not in command:
                started.append(self)
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    own = PostgresServer(wheel_binaries(), parent=fast_folder)
    with pytest.raises(KeyboardInterrupt):
        own.start()
    (process,) = started
    assert process.poll() is not None
    with pytest.raises(EmbeddedServerError, match="was not started"):
        own.folder  # noqa: B018 - it raises where there is none
