"""The user that the embedded PostgreSQL runs as, and a folder for its files."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exporter.demo.server.interrupts import uninterrupted

OVERFLOW_ID = 65534  # the kernel's overflow user, which is called nobody on most systems


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group of child processes; None: those of this process."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a program as this user and wait for it, in a folder that the user can enter."""
        process: subprocess.Popen[str] | None = None
        try:
            with uninterrupted():
                process = subprocess.Popen(  # noqa: S603 (our own command lines, no shell)
                    command,
                    cwd=folder,
                    env=_environment(),
                    user=self.uid,
                    group=self.gid,
                    extra_groups=self._extra_groups,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                )
            output, _ = process.communicate()
        except BaseException:
            if process is not None:
                with process:  # waits for its end, and closes the pipe
                    process.kill()
            raise
        return subprocess.CompletedProcess(command, process.returncode, output)

    def spawn(
        self, command: Sequence[str | Path], folder: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program as this user that a Ctrl-C on our terminal does not reach."""
        with log.open("wb") as output:
            return subprocess.Popen(  # noqa: S603 (our own command lines, no shell)
                command,
                cwd=folder,
                env=_environment(),
                user=self.uid,
                group=self.gid,
                extra_groups=self._extra_groups,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def own(self, top: Path) -> None:
        """Give a file, or a folder and all that is in it, to this user."""
        if self.uid is None or self.gid is None:
            return
        for path in (top, *top.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    @property
    def _extra_groups(self) -> list[int] | None:
        """A process of another user gets none of the groups of this one."""
        return None if self.uid is None else []


def server_account() -> Account:
    """The user to run PostgreSQL as, which refuses root: then an existing user without rights."""
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    return Account(OVERFLOW_ID, OVERFLOW_ID)


def private_folder(account: Account, parent: Path | None = None) -> Path:
    """Make a fresh folder that only this account, and root, can enter."""
    place = parent or _temporary(account)
    folder = Path(tempfile.mkdtemp(prefix="session-exporter-postgres-", dir=place))
    account.own(folder)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder in which processes of a killed server may still write for a moment."""
    deadline = time.monotonic() + 5.0
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _temporary(account: Account) -> Path:
    usual = Path(tempfile.gettempdir())
    if account.uid is None:
        return usual
    # Root's own TMPDIR may be closed to other users (pam_tmpdir does that).
    places = (usual, Path("/tmp"), Path("/var/tmp"))  # noqa: S108 (a private folder is made there)
    return next((place for place in places if _open_to_all(place)), usual)


def _open_to_all(place: Path) -> bool:
    resolved = place.resolve()
    return all(
        path.is_dir() and path.stat().st_mode & stat.S_IXOTH
        for path in (resolved, *resolved.parents)
    )


def _environment() -> dict[str, str]:
    """PG* variables of the user must not reach our server, and its messages stay in English."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
