"""PasswordCommand: the output of a command is the password until it is run again."""

import asyncio
import re
from collections.abc import Sequence
from weakref import WeakValueDictionary

from exporter import logs
from exporter.errors import PasswordUnavailable
from exporter.postgres.connections.passwords.process import CommandFailed, output_of

#: The share of its lifetime after which a password is renewed. The rest is for a command that fails
#: for a time, such as while a service of tokens is down.
RENEWED_AFTER = 2 / 3


class PasswordCommand:
    """One command of one database; it runs once at a time."""

    def __init__(
        self, database: str, argv: Sequence[str], *, lifetime: float, timeout: float
    ) -> None:
        """`lifetime` is how long a password is valid, `timeout` how long the command may take."""
        self._database = database
        self._argv = argv
        self._lifetime = lifetime
        self._timeout = timeout
        self._running = asyncio.Lock()
        self._password = ""
        #: When the run began that printed it.
        self._begun_at: float | None = None
        self._has_failed = False

    async def password(self) -> str:
        """A password within its lifetime, from a new run if necessary.

        Raises PasswordUnavailable.
        """
        async with self._running:
            if not self._is_within(self._lifetime * RENEWED_AFTER):
                await self._renew()
        return self._password

    async def after_refusal(self, refused: str) -> str | None:
        """Another password after the server refused one; None if the command prints the same.

        Raises PasswordUnavailable.
        """
        async with self._running:
            if self._password == refused:
                self._begun_at = None
                await self._renew()
        return None if self._password == refused else self._password

    async def _renew(self) -> None:
        try:
            begun_at = asyncio.get_running_loop().time()
            self._password = await self._run()
            self._begun_at = begun_at
            self._has_failed = False
        except PasswordUnavailable as error:
            if not self._is_within(self._lifetime):
                raise
            if not self._has_failed:
                self._has_failed = True
                logs.warning("password_not_renewed", error=str(error))

    async def _run(self) -> str:
        try:
            output = await output_of(self._argv, self._timeout)
            password = re.sub(r"\r?\n\Z", "", output.decode())
        except CommandFailed as error:
            why = str(error)
        except UnicodeDecodeError:
            why = "it printed something that is not UTF-8 text"
        else:
            if password and "\0" not in password:
                return password
            why = "it printed a zero byte" if password else "it printed nothing"
        advice = "run it by hand as the same user to see what it says"
        raise PasswordUnavailable(
            f"password_command for database {self._database}: {why}; {advice}"
        )

    def _is_within(self, seconds: float) -> bool:
        now = asyncio.get_running_loop().time()
        return self._begun_at is not None and now - self._begun_at < seconds


#: By event loop, database, and how it is run.
_shared: WeakValueDictionary[tuple[object, ...], PasswordCommand] = WeakValueDictionary()


def shared_command(
    database: str, argv: Sequence[str], *, lifetime: float, timeout: float
) -> PasswordCommand:
    """The command shared by all connections of the process, for as long as one uses it."""
    asked = (asyncio.get_running_loop(), database, tuple(argv), lifetime, timeout)
    command = _shared.get(asked)
    if command is None:
        command = _shared[asked] = PasswordCommand(
            database, argv, lifetime=lifetime, timeout=timeout
        )
    return command
