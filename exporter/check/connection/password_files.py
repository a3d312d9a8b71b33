"""Password files that other users of the machine can read.

libpq ignores a .pgpass to which group or others have any right (passwordFromFile in fe-connect.c),
and accepts a key that root owns and its group may read (initialize_SSL in fe-secure-openssl.c).
Here it is a warning, and only where it can be repaired:

- others may read it: always. Files mounted by Kubernetes have 0644 unless defaultMode is set;
- its group may read it: if the exporter's own user owns it, and is not root. With another owner,
the exporter reads it by its group: root:exporter 0640, or 0440 with the group fsGroup, for which
Kubernetes adds the right of the group regardless of defaultMode.

For a symbolic link, as in Kubernetes, the mode is that of the file.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from exporter.config import Config


def password_file_remarks(config: Config) -> Iterator[str]:
    """A sentence for each password file that others can read."""
    files = {f"databases.{each.name}": each.password_file for each in config.databases.values()}
    files |= {
        f"sources.{each.name}.recovery": each.recovery.password_file
        for each in config.sources.values()
    }
    for where, path in files.items():
        readers = None if path is None else _readers(path)
        if readers is not None:
            yield (
                f"{where}.password_file: expected a file that only its user can read, got "
                f"{path}, which {readers}: chmod 600, or in Kubernetes defaultMode: 0400 of the "
                "volume"
            )


def _readers(path: Path) -> str | None:
    """Who can read a file besides the exporter, with its mode; None if no other user can."""
    try:
        found = path.stat()
    except OSError:
        return None  # reading the file reports the error
    mode = stat.S_IMODE(found.st_mode)
    is_own = found.st_uid == os.geteuid() != 0
    if mode & stat.S_IROTH:
        return f"every user of this machine can read (mode {mode:04o})"
    if mode & stat.S_IRGRP and is_own:
        return f"its group can read (mode {mode:04o})"
    return None
