import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from exporter.demo.server.account import server_account
from exporter.demo.server.server import PostgresServer, wheel_binaries
from tests.support.servers.quick_server import QuickServer

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")

NOBODY = 65534


@pytest.fixture
def nobody() -> Iterator[None]:
    """Be user nobody for the length of a test; only the saved ids remember the way back."""
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, 0)
    os.setresuid(NOBODY, NOBODY, 0)
    yield
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    os.setgroups(groups)


def test_an_ordinary_user_can_start_and_stop_it(nobody: None) -> None:
    if not os.access(wheel_binaries() / "postgres", os.X_OK):
        pytest.skip("this checkout is closed to other users")
    with PostgresServer(wheel_binaries()) as own:
        folder = own.folder
        psycopg.connect(own.dsn()).close()
        assert folder.stat().st_uid == NOBODY
        assert Path(f"/proc/{own.processes()[0]}").stat().st_uid == NOBODY
    assert not folder.exists()


def test_started_by_root_it_runs_as_another_user_without_roots_groups(
    server: PostgresServer,
) -> None:
    status = Path(f"/proc/{server.processes()[0]}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    account = server_account()
    assert account.uid
    assert fields["Uid"].split() == [str(account.uid)] * 4
    assert fields["Gid"].split() == [str(account.gid)] * 4
    assert fields["Groups"].strip() == ""


@pytest.mark.slow  # an ordinary user starts it in the first one
def test_programs_in_a_folder_closed_to_others_are_copied(
    tmp_path: Path, fast_folder: Path | None
) -> None:
    package = wheel_binaries().parent.parent
    closed = tmp_path / "closed"
    shutil.copytree(package / "pginstall18", closed / package.name / "pginstall18", symlinks=True)
    libraries = f"{package.name}.libs"
    if (package.parent / libraries).is_dir():
        shutil.copytree(package.parent / libraries, closed / libraries)
    closed.chmod(0o700)
    binaries = closed / package.name / "pginstall18" / "bin"
    with QuickServer(binaries, parent=fast_folder) as own:
        programs = Path(f"/proc/{own.processes()[0]}/exe").readlink()
        assert programs.is_relative_to(own.folder)
        psycopg.connect(own.dsn()).close()
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow  # an ordinary user starts it in the first one
def test_a_temporary_folder_closed_to_others_is_avoided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with PostgresServer(wheel_binaries()) as own:
        assert not own.folder.is_relative_to(tmp_path)
        psycopg.connect(own.dsn()).close()
