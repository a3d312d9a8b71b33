"""When Python looks for garbage: never while rows are locked."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: How many transactions hold it off now, and whether it is to go on after the last of them.
_holding = 0
_goes_on = False


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the cyclic collector off until the block ends; blocks may overlap.

    With 200,000 sessions in memory it stops everything for a tenth of a second, and an application
    that waits for one of our locks would wait for it too. It catches up between two transactions.
    """
    global _holding, _goes_on  # noqa: PLW0603 - there is one collector for the whole process
    if not _holding:
        _goes_on = gc.isenabled()
        gc.disable()
    _holding += 1
    try:
        yield
    finally:
        _holding -= 1
        if not _holding and _goes_on:
            gc.enable()
