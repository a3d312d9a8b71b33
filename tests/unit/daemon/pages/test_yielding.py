"""A thread that makes a long answer lets the event loop go on."""

import time

import pytest

from exporter.daemon.pages.yielding import ITEMS, yielding


@pytest.mark.parametrize("count", [0, 1, ITEMS, 3 * ITEMS + 1])
def test_all_items_come_in_order_and_each_few_of_them_give_up_the_turn(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = list[float]()
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert list(yielding(range(count))) == list(range(count))
    assert len(pauses) == count // ITEMS
