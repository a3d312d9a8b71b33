"""Requests the live sessions from each store of a list."""

import asyncio
from typing import Any

from exporter.clock import Clock
from exporter.config.evidence import ListSource
from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer, Unknown
from exporter.evidence.asking.failure import AskingError, late
from exporter.evidence.asking.items import SessionReader, id_of, is_part, is_true, items_of, path
from exporter.evidence.asking.pages import ask_all
from exporter.evidence.asking.request import HttpClient


class ListClient:
    """Asks the stores of one list over HTTP, all at once."""

    def __init__(self, settings: ListSource, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._client = HttpClient(settings.request, concurrency=max(1, len(settings.urls)))

    async def ask(self) -> ListAnswer:
        """Ask every store once. Never raises: a store without a usable answer is Unknown."""
        urls = self.settings.urls
        try:
            async with asyncio.timeout(self.settings.timeout):
                await self._client.prepare()
        except TimeoutError:
            return ListAnswer(dict.fromkeys(urls, late(self.settings.timeout)))
        except AskingError as error:
            return ListAnswer(dict.fromkeys(urls, error.unknown))
        answers = await asyncio.gather(*map(self._ask_store, urls.values()))
        return ListAnswer(dict(zip(urls, answers, strict=True)))

    async def close(self) -> None:
        await self._client.close()

    async def _ask_store(self, url: str) -> StoreAnswer | Unknown:
        settings, at = self.settings, self._clock.monotonic()
        taking = _Taking(settings)
        try:
            next_page = settings.request.next_page
            following = None if next_page is None else path(next_page)
            async with asyncio.timeout(settings.timeout):
                await ask_all(self._client, url, following, taking)
        except TimeoutError:
            return late(settings.timeout)
        except AskingError as error:
            return error.unknown
        return StoreAnswer(taking.sessions, at)


class _Taking:
    """Collects the sessions in the pages of one store."""

    def __init__(self, settings: ListSource) -> None:
        self._settings = settings
        self._items, self._id = path(settings.items), path(settings.id)
        self._filter = None if settings.filter is None else path(settings.filter)
        self._reader = SessionReader(settings.started_at, settings.last_seen_at, settings.key)
        self._kind: type | None = None
        self.sessions: dict[str, ListedSession] = {}

    def __call__(self, page: Any) -> None:  # noqa: ANN401 - JSON
        found = self._items(page)
        if self._kind not in {None, type(found)}:
            raise AskingError("page", "items: another shape than on the page before")
        self._kind = type(found)
        most = self._settings.max_items
        for item in items_of(found, empties=is_part(self._settings.items)):
            if self._filter is not None and not is_true(self._filter(item)):
                continue
            session = id_of(self._id(item))
            if session in self.sessions:
                raise AskingError("shape", "the answer has the same id twice")
            if len(self.sessions) == most:
                raise AskingError("size", f"the list has more than {most} sessions (max_items)")
            self.sessions[session] = self._reader.read(item)
