"""Password files that other users of the machine can read.

libpq does not use a .pgpass that group or others have any right to (passwordFromFile in
fe-connect.c), and takes a key that root owns and its group may read (initialize_SSL in
fe-secure-openssl.c). Here it is a warning, and only where it can be repaired:

- others may read it: always. What Kubernetes mounts has 0644 unless defaultMode says otherwise;
- its group may read it: where the exporter's own user owns it, and is not root. Of another owner,
  the group is how the exporter reads it at all: root:exporter 0640, or 0440 with the group fsGroup,
  to which Kubernetes adds the right of the group whatever defaultMode says.

A link, as Kubernetes makes them, has no mode of its own: it is that of the file.
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
    """Who can read a file beside the exporter, with its mode; None for nobody."""
    try:
        found = path.stat()
    except OSError:
        return None  # what reads it says why it cannot
    mode = stat.S_IMODE(found.st_mode)
    is_own = found.st_uid == os.geteuid() != 0
    if mode & stat.S_IROTH:
        return f"every user of this machine can read (mode {mode:04o})"
    if mode & stat.S_IRGRP and is_own:
        return f"its group can read (mode {mode:04o})"
    return None
