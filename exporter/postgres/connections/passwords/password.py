"""Password: the source of the password of a database's connections, beside its dsn."""

import asyncio
from pathlib import Path

from exporter.config import DatabaseSettings
from exporter.errors import AuthFailed
from exporter.postgres.connections.detached_thread import in_thread
from exporter.postgres.connections.passwords.password_command import (
    PasswordCommand,
    shared_command,
)


class Password:
    """The password of one connection string: from a file or a command, or none."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        #: Kept, so that it is the same for the next connection.
        self._command: PasswordCommand | None = None

    async def current(self) -> str | None:
        """The password to connect with; None if libpq finds its own. Raises AuthFailed."""
        settings = self._settings
        if settings.password_command is not None:
            return await self._shared(settings.password_command).password()
        if settings.password_file is None:
            return None
        path = settings.password_file
        async with asyncio.timeout(settings.connect_timeout):
            return await in_thread(lambda: _read(settings.name, path))

    async def after_refusal(self, refused: str | None) -> str | None:
        """Another password after the server refused one; None if there is none."""
        if refused is None or self._settings.password_command is None:
            return None
        return await self._shared(self._settings.password_command).after_refusal(refused)

    def _shared(self, argv: tuple[str, ...]) -> PasswordCommand:
        settings = self._settings
        self._command = shared_command(
            settings.name,
            argv,
            lifetime=settings.password_lifetime,
            timeout=settings.password_timeout,
        )
        return self._command


def _read(database: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise AuthFailed(
            f"databases.{database}.password_file: cannot read {path}: {detail}"
        ) from None
