"""A temporary PostgreSQL on 127.0.0.1, with all of its files in one folder.

If this process is killed with SIGKILL, the server and its folder stay behind: the first line
of data/postmaster.pid in that folder is the process to stop.
"""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

from exporter.demo.server.account import private_folder, remove, server_account
from exporter.demo.server.binaries import WheelMissingError, runnable, wheel_binaries
from exporter.demo.server.cluster import EmbeddedServerError, accepts_connections, initialise, tail
from exporter.demo.server.interrupts import uninterrupted

__all__ = ["EmbeddedServerError", "PostgresServer", "WheelMissingError", "wheel_binaries"]

SUPERUSER = "postgres"
START_DEADLINE = 60.0  # seconds, for everything until connections are accepted
STOP_SIGNALS = (
    (signal.SIGINT, 10.0),  # fast shutdown: clients are disconnected, data is written
    (signal.SIGQUIT, 10.0),  # immediate: after 5 s the server kills the remaining processes
    (signal.SIGKILL, 10.0),
)
PORT_TAKEN = "Address already in use"
STILL_DYING = "is still in use"  # the shared memory of the server that kill() ended


class PostgresServer:
    """One embedded PostgreSQL server. stop() removes all of its files.

    Its folder is created in `parent`, or else in the folder for temporary files.
    """

    def __init__(
        self,
        binaries: Path,
        *,
        settings: Mapping[str, str] | None = None,
        parent: Path | None = None,
    ) -> None:
        self.binaries = binaries
        self.settings = dict(settings or {})
        self.passwords = {SUPERUSER: secrets.token_urlsafe(24)}
        self.port = 0
        self._programs = binaries
        self._parent = parent
        self._account = server_account()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Everything the server has on disk; exists from start to stop."""
        if self._folder is None:
            raise EmbeddedServerError("this PostgreSQL was not started")
        return self._folder

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def major(self) -> int:
        """The major version, for example 18."""
        return int((self.data / "PG_VERSION").read_text())

    @property
    def running(self) -> bool:
        """Whether the server's first process lives."""
        return self._process is not None and self._process.poll() is None

    def dsn(
        self, dbname: str = "postgres", user: str = SUPERUSER, password: str | None = None
    ) -> str:
        """Write the URL of a database; without a password, with the one known for the role."""
        secret = self.passwords.get(user) if password is None else password
        login = quote(user, safe="") + (f":{quote(secret, safe='')}" if secret else "")
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(dbname, safe='')}"

    def start(self) -> None:
        """Start and wait until connections are accepted; after kill(), start the same data again.

        Raises EmbeddedServerError with the end of the server's log.
        """
        if self.running:
            raise EmbeddedServerError(f"this PostgreSQL already runs, on port {self.port}")
        if not (self.binaries / "postgres").is_file():
            raise EmbeddedServerError(
                f"no PostgreSQL in {self.binaries}: expected initdb and postgres"
            )
        try:
            if self._folder is None:
                with uninterrupted():
                    self._folder = private_folder(self._account, self._parent)
                self._initialise()
            self._launch()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                raise EmbeddedServerError(f"PostgreSQL cannot be started: {error}") from error
            raise

    def stop(self) -> None:
        """Shut down and remove the folder; fine for a server that is already dead or stopped."""
        # What is ended and removed is forgotten after that, so that another stop() can go on.
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._folder is not None:
            remove(self._folder)
            self._folder = None
        self.port = 0
        self.passwords = {SUPERUSER: self.passwords[SUPERUSER]}  # the other roles are gone

    def kill(self) -> None:
        """Kill every process of the server, as a crash would; start() brings the data back."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def processes(self) -> tuple[int, ...]:
        """List the ids of the server's processes, the first one first (its children: on Linux)."""
        if self._process is None or self._process.poll() is not None:
            return ()
        pid, children = self._process.pid, ""
        with suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return (pid, *map(int, children.split()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _initialise(self) -> None:
        self._programs = runnable(self.binaries, self._account, self.folder)
        initialise(
            self._programs,
            self._account,
            self.folder,
            superuser=SUPERUSER,
            password=self.passwords[SUPERUSER],
            settings=self.settings,
        )

    def _launch(self) -> None:
        deadline = time.monotonic() + START_DEADLINE
        port = self.port or _free_port()
        log = self.folder / "server.log"
        while True:
            command: list[str | Path] = [
                self._programs / "postgres",
                "-D",
                self.data,
                "-p",
                str(port),
            ]
            with uninterrupted():
                process = self._process = self._account.spawn(command, self.folder, log)
            while process.poll() is None and not accepts_connections(self.data, process.pid):
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(
                        f"PostgreSQL does not start:\n{tail(log.read_text(errors='replace'))}"
                    )
                time.sleep(0.01)
            if process.returncode is None:
                self.port = port
                return
            output = log.read_text(errors="replace")
            if PORT_TAKEN in output:
                port = _free_port()
            elif STILL_DYING not in output or time.monotonic() > deadline:
                raise EmbeddedServerError(f"PostgreSQL did not start:\n{tail(output)}")
            time.sleep(0.05)


def _free_port() -> int:
    """A port that is free now. Another process may take it first; then the caller retries."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)  # a stopped process does not handle the next
    for number, patience in STOP_SIGNALS:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return
