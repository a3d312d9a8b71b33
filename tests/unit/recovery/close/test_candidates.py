"""Reading ahead: the next page of candidates is read while one is closed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from exporter.errors import TimedOut
from exporter.recovery.close.candidates import Candidate, read_ahead

PAGES = [[Candidate(f"chat {page}", "1")] for page in range(3)]


class Pages:
    """Pages that come one after the other; after the last one, reading may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.read = 0
        self.is_ended = False
        self._failure = failure

    async def __call__(self) -> AsyncGenerator[list[Candidate]]:
        try:
            for page in PAGES:
                await asyncio.sleep(0)
                self.read += 1
                yield page
            if self._failure:
                raise self._failure
        finally:
            self.is_ended = True


async def settle() -> None:
    """Let all go on that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def close_all(pages: Pages, found: list[list[Candidate]], *, fails: bool = False) -> None:
    """Take all pages, and fail at the first one if told so."""
    async with aclosing(read_ahead(pages())) as ahead:
        async for page in ahead:
            await settle()
            found.append(page)
            if fails:
                raise LookupError


async def test_every_page_comes_once_and_no_more_than_one_is_read_ahead() -> None:
    pages, read, found = Pages(), [], []
    async for page in read_ahead(pages()):
        await settle()
        found.append(page)
        read.append(pages.read)
    assert (found, read) == (PAGES, [2, 3, 3])


async def test_what_was_read_is_used_before_a_failure_is_raised() -> None:
    found: list[list[Candidate]] = []
    with pytest.raises(TimedOut):
        await close_all(Pages(TimedOut("too slow")), found)
    assert found == PAGES


async def test_nothing_is_read_any_more_when_closing_has_failed() -> None:
    pages = Pages()
    found: list[list[Candidate]] = []
    with pytest.raises(LookupError):
        await close_all(pages, found, fails=True)
    assert (found, pages.read, pages.is_ended) == (PAGES[:1], 2, True)
