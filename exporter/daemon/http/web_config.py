"""The web config in use: read again when its files change, and kept while they are invalid.

The files are compared once a second. Kubernetes replaces a mounted secret as a whole, other tools
write a certificate before its key: so changed files are read when they have stayed the same since
the previous comparison.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporter import logs
from exporter.daemon.http.connections import HttpConnections
from exporter.daemon.http.peer import TlsServer
from exporter.errors import ConfigError, Problem
from exporter.postgres import in_thread

#: How often the files are compared, in seconds.
WATCH_SECONDS = 1.0

#: The longest that this and reading them may take, in seconds: they may hang on a network.
READ_SECONDS = 30.0

_TOOK_LONGER = f"reading the web config file took longer than {READ_SECONDS:g} s"

#: Of each file: when it and its rights were changed, its size and number, or why it is not there.
_Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A web config that can be used."""

    tls: TlsServer | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    """The hash of each user's password."""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Headers of each answer, by their names in lower case."""
    warnings: tuple[Problem, ...] = ()

    @property
    def knows_clients(self) -> bool:
        """Whether a request can be authenticated: by a password or a client's certificate."""
        verifies = self.tls is not None and self.tls.context.verify_mode != ssl.CERT_NONE
        return bool(self.users) or verifies


NONE: Final = Loaded()


class WebConfig:
    """The config of a file, or the defaults without one."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file; raises ConfigError."""
        self._path = path
        self._files: tuple[Path, ...] = () if path is None else (path,)
        self._seen: _Signature = ()
        self.current = NONE if path is None else self._load(path)

    def log_warnings(self) -> None:
        """Log the keys that are ignored."""
        for each in self.current.warnings:
            logs.warning("web_config_key", key=each.key, message=each.message)

    def tls(self) -> TlsServer | None:
        """The encryption of a new connection."""
        return self.current.tls

    async def watch(self, http: HttpConnections) -> None:
        """Read the files again whenever they change, until cancelled."""
        if self._path is None:
            return
        before = self._seen
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                now = await in_thread(lambda: _signature(self._files), timeout=READ_SECONDS)
            except TimeoutError:
                continue
            if now == before != self._seen:
                await self._reload(self._path, http)
            before = now

    async def _reload(self, path: Path, http: HttpConnections) -> None:
        try:
            self.current = await in_thread(lambda: self._load(path), timeout=READ_SECONDS)
        except ConfigError as error:
            self._note_failure(http, str(error))
        except TimeoutError:
            self._seen = ()  # it is read again soon
            self._note_failure(http, _TOOK_LONGER)
        else:
            http.web_config_is_valid = True
            logs.info("web_config_reloaded", file=str(path))
            self.log_warnings()

    def _note_failure(self, http: HttpConnections, error: str) -> None:
        http.web_config_is_valid = False
        logs.warning("web_config_invalid", error=error, hint="the last good one is used")

    def _load(self, path: Path) -> Loaded:
        """Read the file; record the state of each file first, so that later changes are seen."""
        # Building the models takes time, and most exporters have no such file.
        from exporter.daemon.http.tls.context import authorities_of, files_of, make_context  # noqa: PLC0415
        from exporter.daemon.http.web_file.load import load_web_config  # noqa: PLC0415

        self._seen = _signature(self._files)
        file = load_web_config(path)
        tls = file.settings.tls_server_config
        self._files = (path, *files_of(tls).values())
        self._seen = (self._seen[0], *_signature(self._files[1:]))
        # Before they are used: if they change now, they are read again.
        authorities = authorities_of(tls)
        context = make_context(file)
        headers = file.settings.http_server_config.headers
        return Loaded(
            tls=TlsServer(context, tls.client_allowed_sans, authorities)
            if context and tls
            else None,
            users=file.settings.basic_auth_users,
            headers={name.lower().encode(): value.encode() for name, value in headers.items()},
            warnings=file.warnings,
        )


def _signature(files: tuple[Path, ...]) -> _Signature:
    return tuple(map(_state_of, files))


def _state_of(file: Path) -> object:
    try:
        found = file.stat()
    except OSError as error:
        return file, error.errno
    return file, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
