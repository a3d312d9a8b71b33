"""The embedded PostgreSQL's data directory: made by initdb, set up for throw-away data."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from exporter.demo.server.account import Account
from exporter.errors import ExporterError

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # The data does not outlive the process, so nothing has to survive a crash of the machine.
    # synchronous_commit stays on: without it, VACUUM does not yet see fresh rows as visible to all.
    "fsync": "off",
    "full_page_writes": "off",
    # In the data folder, not in /dev/shm: containers keep that small, and a kill leaves it dirty.
    "dynamic_shared_memory_type": "mmap",
}


class EmbeddedServerError(ExporterError):
    """The embedded PostgreSQL could not be started."""


def initialise(
    programs: Path,
    account: Account,
    folder: Path,
    *,
    superuser: str,
    password: str,
    settings: Mapping[str, str],
) -> None:
    """Make folder/data, where nobody gets in without a password; raises EmbeddedServerError."""
    data, secret = folder / "data", folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    account.own(secret)
    command: list[str | Path] = [
        programs / "initdb",
        f"--pgdata={data}",
        f"--username={superuser}",
        f"--pwfile={secret}",
        # Every user of the machine can reach the port, so "trust" would let them all in.
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-locale",
        "--no-sync",
    ]
    done = account.run(command, folder)
    if done.returncode:
        raise EmbeddedServerError(f"initdb failed:\n{tail(done.stdout)}")
    secret.unlink()
    # In the file, not on the command line, so that ALTER SYSTEM still works.
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        for name, value in (SETTINGS | dict(settings)).items():
            quoted = value.replace("'", "''")
            file.write(f"{name} = '{quoted}'\n")


def accepts_connections(data: Path, pid: int) -> bool:
    """Read what pg_ctl reads: line 1 of postmaster.pid is the process, line 8 its state."""
    with suppress(OSError):
        lines = (data / "postmaster.pid").read_text().split("\n")
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"
    return False


def tail(text: str, lines: int = 20) -> str:
    """Return the end of a log, for a message."""
    return "\n".join(text.strip().splitlines()[-lines:])
