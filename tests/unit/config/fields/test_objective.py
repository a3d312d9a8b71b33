"""An objective is of days on which no session can become orphaned any more."""

from typing import Any

import pytest

from exporter.errors import ConfigError
from tests.support.collection.declarations import PLAIN, LoadSources


def chat(after: object, days: int) -> dict[str, Any]:
    return {**PLAIN, "orphaned_after": after, "objective": "99%", "daily": {"days": days}}


@pytest.mark.parametrize(
    ("after", "days"), [("24h", 3), ("25h", 9), ("7d", 9), ({"sql": "s.expire_in"}, 3)]
)
def test_an_objective_needs_one_settled_day(
    load_sources: LoadSources, after: object, days: int
) -> None:
    assert load_sources(chat=chat(after, days)).sources["chat"].objective == 0.99
    with pytest.raises(ConfigError, match=f"expected daily with at least {days} days beside"):
        load_sources(chat=chat(after, days - 1))


def test_an_objective_whose_days_do_not_settle_is_refused(load_sources: LoadSources) -> None:
    with pytest.raises(ConfigError, match="expected orphaned_after of at most 7d beside objective"):
        load_sources(chat=chat("169h", 30))
