"""Lets the event loop run while a thread builds a long answer."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: Python switches threads only every 5 ms, so the thread yields after this number of items, which
#: take less than a millisecond, for this time in seconds.
ITEMS, PAUSE_SECONDS = 8, 0.000_02


def yielding(items: Iterable[T]) -> Iterator[T]:
    """The same items, for a thread that is not the one of the loop."""
    for number, item in enumerate(items):
        if number % ITEMS == ITEMS - 1:
            time.sleep(PAUSE_SECONDS)
        yield item
