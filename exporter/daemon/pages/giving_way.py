"""Lets the event loop go on while a thread makes a long answer."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: Python takes a thread's turn away only every 5 ms: it is given up each so many items, which take
#: less than a millisecond, for so many seconds.
ITEMS, PAUSE_SECONDS = 8, 0.000_02


def giving_way(items: Iterable[T]) -> Iterator[T]:
    """The same items, for a thread that is not the one of the loop."""
    for number, item in enumerate(items):
        if number % ITEMS == ITEMS - 1:
            time.sleep(PAUSE_SECONDS)
        yield item
