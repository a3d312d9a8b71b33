"""Binding: a source resolved against its table; it is renewed from time to time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from exporter.config import Source
from exporter.postgres import Reader

#: Tables change: they are bound again after this time, in seconds.
BIND_AGAIN_AFTER = 300.0

T = TypeVar("T")


class Binding(Generic[T]):
    """A source bound to its table in one database; jobs may share one."""

    def __init__(self, source: Source, bind: Callable[[Reader, Source], Awaitable[T]]) -> None:
        self.source = source
        self._bind = bind
        self._bound: T | None = None
        self._until = 0.0
        self._binding = asyncio.Lock()

    async def get(self, reader: Reader, now: float) -> T:
        """The bound table; raises SourceError if it does not fit the declaration."""
        async with self._binding:
            if self._bound is None or now >= self._until:
                self._bound = None
                self._bound = await self._bind(reader, self.source)
                self._until = now + BIND_AGAIN_AFTER
            return self._bound

    def forget(self) -> None:
        """Bind again at once, because the table has changed."""
        self._bound = None
