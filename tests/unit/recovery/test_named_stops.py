"""The name by which a person resumes what is not written down yet."""

from typing import cast

import pytest

from exporter.recovery.decision.observation import Stop
from exporter.recovery.manual import Held
from exporter.recovery.rule.selection import Selection


def held(count: int) -> Held:
    stop = Stop(0.0, "budget", "")
    nothing = cast("Selection", None)  # the name says nothing of what is selected
    return Held(stop, False, count, 0, nothing, (), "", (), False)


@pytest.mark.parametrize("name", ["budget-12", "budget-13"])
def test_a_person_who_has_seen_all_of_it_names_it(name: str) -> None:
    assert held(12).is_named(name)


@pytest.mark.parametrize(
    "name", ["budget-11", "share-12", "budget-1_2", "budget- 12", "budget-\u0661\u0662", "budget-"]
)
def test_what_a_person_has_not_seen_or_not_written_plainly_is_another(name: str) -> None:
    assert not held(12).is_named(name)


def test_a_number_without_end_is_another_name() -> None:
    assert not held(12).is_named("budget-" + "9" * 5000)
