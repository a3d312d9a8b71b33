"""Each guard of the recovery SQL is needed: taken out, something goes wrong that a test sees.

The scenarios are those of test_races.py and test_guards.py, where they hold with every guard in.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import psycopg
import pytest

from exporter.errors import TimedOut
from exporter.recovery.rule.rule import Rule
from exporter.sessions import TRANSACTION_TIME
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.scenarios import races, twins, undos
from tests.support.recovery.scenarios.races import BY_ITSELF, ELSEWHERE
from tests.support.recovery.statements.changes import (
    Change,
    with_lock,
    with_setting,
    without_brackets,
    without_condition,
    without_lock,
    without_words,
)
from tests.support.recovery.statements.templates import Templates

Scenario = Callable[[Recoveries], None]


class Mutation(NamedTuple):
    """A template without one of its guards, and what goes wrong then."""

    template: str
    change: Change
    scenario: Scenario


def first(act: str) -> Scenario:
    return partial(races.what_came_first_stays, act=act)


def works(act: str) -> Scenario:
    return partial(races.who_works_on_a_row_keeps_it, act=act)


def waits(act: str) -> Scenario:
    return partial(races.who_comes_after_the_lock_waits, act=act, step="write")


def after_the_lock(protection: str) -> Scenario:
    what = ELSEWHERE[protection]
    return partial(races.what_is_said_after_the_lock_is_heard, protection=what)


def closed(why: str) -> Scenario:
    return partial(races.only_who_is_to_be_closed_is_closed, protection=BY_ITSELF[why])


undo_passes_over = partial(undos.undo_passes_over_who_works_on_a_row, act="is deleted")
undo_in_time = partial(undos.what_came_before_the_undo_stays, act="is opened again")
undo_its_own = undos.only_the_run_is_undone_and_each_session_gets_its_own_back
freezes = partial(races.a_recovery_that_freezes_keeps_nobody_waiting_for_long, step="write")

LOCK, CLOSE, BEGIN = "recovery/close/lock", "recovery/close/close", "recovery/close/begin"
UNDO_LOCK, UNDO = "recovery/undo/lock", "recovery/undo/undo"

#: The template, what is taken out, and which scenario has to fail.
MUTATIONS: list[Mutation] = [
    Mutation(LOCK, without_lock(), waits("sends a message")),
    Mutation(LOCK, with_lock("FOR NO KEY UPDATE"), works("sends a message")),
    Mutation(LOCK, with_lock("FOR KEY SHARE"), works("sends a message")),
    Mutation(LOCK, without_words("SKIP LOCKED"), works("shows life")),
    Mutation(LOCK, without_condition("{rows}"), races.who_has_ended_never_waits),
    Mutation(
        LOCK,
        without_condition("{is_one_of}"),
        partial(races.who_was_not_asked_for_never_waits, act="shows life"),
    ),
    Mutation(CLOSE, without_condition("xmin"), first("is opened again")),
    Mutation(CLOSE, without_condition("{recoverable}"), after_the_lock("it is present")),
    Mutation(CLOSE, without_condition("{not_backlog}"), closed("it is backlog")),
    Mutation(CLOSE, without_condition("{end}"), after_the_lock("it has no end")),
    Mutation(CLOSE, without_condition("ctid"), twins.a_live_twin_is_left_alone),
    Mutation(CLOSE, without_condition("tableoid"), twins.a_live_twin_is_left_alone),
    Mutation(CLOSE, without_brackets("DISTINCT ON"), twins.twins_get_their_own_back),
    Mutation(UNDO_LOCK, without_lock(), undo_passes_over),
    Mutation(UNDO_LOCK, without_words("SKIP LOCKED"), undo_passes_over),
    Mutation(UNDO_LOCK, without_condition("{numbers}"), undo_its_own),
    Mutation(UNDO, without_condition("{numbers}"), undo_its_own),
    Mutation(UNDO, without_condition("undone_at"), undos.what_is_undone_stays_undone),
    Mutation(UNDO, without_condition("{is_of_audit}"), undo_its_own),
    Mutation(UNDO, without_condition("{is_unchanged}"), undo_in_time),
    Mutation(UNDO, without_condition("session_exporter_number"), undo_in_time),
    Mutation(BEGIN, with_setting("idle_in_transaction_session_timeout", "0"), freezes),
    Mutation(BEGIN, with_setting("lock_timeout", "0"), races.a_locked_table_is_left_alone_soon),
]

#: What Rule.recoverable is made of, without one part, and who has to notice.
PARTS: list[tuple[str, Scenario]] = [
    ("rows", after_the_lock("it exists no more")),
    ("orphaned", closed("it was just seen")),
    ("alive", after_the_lock("it is present")),
    ("exempt", after_the_lock("it is exempt")),
]


@pytest.mark.quick(*(f"{template}: " for template in (BEGIN, UNDO_LOCK)))
@pytest.mark.parametrize(
    "mutation", MUTATIONS, ids=[f"{each.template}: {each.change}" for each in MUTATIONS]
)
def test_without_a_guard_of_the_sql_something_goes_wrong(
    recoveries: Recoveries, templates: Templates, mutation: Mutation
) -> None:
    templates.change(mutation.template, mutation.change)
    assert goes_wrong(recoveries, mutation.scenario)


@pytest.mark.quick("alive")
@pytest.mark.parametrize(("part", "scenario"), PARTS)
def test_without_a_part_of_the_orphan_condition_something_goes_wrong(
    recoveries: Recoveries, monkeypatch: pytest.MonkeyPatch, part: str, scenario: Scenario
) -> None:
    def recoverable(rule: Rule) -> str:
        parts = {
            "rows": rule.table.rows,
            "orphaned": rule.table.orphaned(TRANSACTION_TIME),
            "alive": f"NOT {rule.alive}",
            "exempt": f"NOT {rule.exempt}",
        }
        assert " AND ".join(parts.values()) == original(rule), "the parts are no longer these"
        return " AND ".join(text for name, text in parts.items() if name != part)

    original = Rule.recoverable.fget  # type: ignore[attr-defined] # a property
    monkeypatch.setattr(Rule, "recoverable", property(recoverable))
    assert goes_wrong(recoveries, scenario)


def goes_wrong(recoveries: Recoveries, scenario: Scenario) -> bool:
    """Whether a scenario does not come out as it must. SQL that is none any more is an error."""
    try:
        scenario(recoveries)
    except AssertionError:
        return True
    except (psycopg.errors.LockNotAvailable, TimeoutError, TimedOut):
        return True  # who must not wait, or not for long, would have had to
    return False
