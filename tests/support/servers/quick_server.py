"""A server that starts ten times as fast: initdb runs once, and each server gets a copy."""

import fcntl
import subprocess
from pathlib import Path

from exporter.demo.server.account import server_account
from exporter.demo.server.binaries import runnable
from exporter.demo.server.cluster import initialise
from exporter.demo.server.server import SUPERUSER, PostgresServer

#: To start, to drop a database and to stop, a server looks through all of its buffers.
SMALL = {"shared_buffers": "16MB"}


class QuickServer(PostgresServer):
    """For tests that are not about the start of a server.

    The copy stays in `parent`, for the next server; without one, initdb runs for each.
    """

    def _initialise(self) -> None:
        if self._parent is None:
            super()._initialise()
            return
        self._programs = runnable(self.binaries, self._account, self.folder)
        made = self._parent / f"initdb-{self.binaries.parent.name}"
        with made.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the first of the workers makes it
            if not made.exists():
                _run_initdb(self._programs, made, self.passwords[SUPERUSER])
        self.passwords[SUPERUSER] = (made / "superuser").read_text(encoding="utf-8")
        subprocess.run(["cp", "-a", made / "data", self.data], check=True)
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            for name, value in (self._quick_settings() | self.settings).items():
                quoted = value.replace("'", "''")
                file.write(f"{name} = '{quoted}'\n")

    def _quick_settings(self) -> dict[str, str]:
        # From version 16 on, the password of a new role is hashed once.
        major = int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        return SMALL | ({"scram_iterations": "1"} if major >= 16 else {})


def _run_initdb(programs: Path, folder: Path, password: str) -> None:
    folder.mkdir()
    account = server_account()
    account.own(folder)
    initialise(programs, account, folder, superuser=SUPERUSER, password=password, settings={})
    (folder / "superuser").write_text(password, encoding="utf-8")
