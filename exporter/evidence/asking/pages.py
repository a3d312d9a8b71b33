"""All pages of one answer, one after the other."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from exporter.evidence.asking.failure import AskingError
from exporter.evidence.asking.items import is_true
from exporter.evidence.asking.request import Budget, HttpClient

#: Of one answer.
MOST_PAGES = 1000


async def ask_all(
    client: HttpClient,
    url: str,
    next_page: Callable[[Any], Any] | None,
    take: Callable[[Any], None],
) -> None:
    """Request each page and pass it to `take`, a long page in a thread. Raises AskingError.

    `take` may empty a page: the address of the next page has been read before.
    """
    budget, asked = Budget(), {url}

    def taken(value: Any) -> Any:  # noqa: ANN401 - JSON
        given = None if next_page is None else next_page(value)
        take(value)
        return given

    following = url
    while True:
        try:
            page = await client.ask(following, budget)
            value = page.value
            given = await asyncio.to_thread(taken, value) if page.is_long else taken(value)
        except AskingError as error:
            if len(asked) > 1:  # whatever the reason, the answer lacks a page
                message = f"page {len(asked)}: {error.unknown.message}"
                raise AskingError("page", message) from None
            raise
        if not is_true(given):
            return
        following = _address(url, given)
        if following in asked:
            raise AskingError("page", f"page {len(asked)} leads back to an earlier one")
        if len(asked) == MOST_PAGES:
            raise AskingError("page", f"the answer has more than {MOST_PAGES} pages")
        asked.add(following)


def _address(first: str, given: object) -> str:
    """The URL of the next page, which is on the same server. Raises AskingError."""
    if not isinstance(given, str):
        raise AskingError("page", "next_page: expected a URL or a query string")
    origin = httpx.URL(first)
    try:
        if "://" not in given and not given.startswith(("/", "?")):
            wanted = origin.copy_merge_params(httpx.QueryParams(given))
        else:
            wanted = origin.join(given)
    except (httpx.InvalidURL, ValueError):
        raise AskingError("page", "next_page: expected a URL or a query string") from None
    same = (origin.scheme, origin.host, origin.port)
    if (wanted.scheme, wanted.host, wanted.port) != same:
        raise AskingError("page", "next_page: leads to another server, which is not asked")
    return str(wanted)
