"""The certificate authorities for a server: read in a thread, and again when their file changes."""

import functools
import ssl
from pathlib import Path

from exporter.evidence.asking.failure import AskingError
from exporter.postgres import in_thread

#: Changes when a file is written or replaced, also behind a symbolic link as in Kubernetes.
Stamp = tuple[int, int, int]


class Authorities:
    """The authorities of one file, or of the system."""

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file
        self._stamp: Stamp | None = None
        self._context: ssl.SSLContext | None = None

    async def current(self) -> ssl.SSLContext:
        """Return the same object as long as the file is unchanged. Raises AskingError."""
        if self._ca_file is None:
            return await in_thread(_system)
        ca_file = self._ca_file
        return await in_thread(lambda: self._read(ca_file))

    def _read(self, ca_file: Path) -> ssl.SSLContext:
        try:
            found = ca_file.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
            if self._context is None or stamp != self._stamp:
                self._context = ssl.create_default_context(cafile=ca_file)
                self._stamp = stamp  # a file that is written while it is read has another stamp
        except (OSError, ssl.SSLError) as error:
            is_read = isinstance(error, ssl.SSLError)
            why = "it holds no certificate in PEM" if is_read else error.strerror
            raise AskingError("file", f"ca_file: cannot read {ca_file}: {why}") from None
        return self._context


@functools.cache
def _system() -> ssl.SSLContext:
    """Reading them takes 50 ms, so they are read once."""
    return ssl.create_default_context()
