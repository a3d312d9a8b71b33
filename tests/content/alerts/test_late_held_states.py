"""Held states survive each recording being a step late.

Rulers may evaluate groups separately, or read what they have written with a delay: a rule then
reads what another one recorded a step ago.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.monitoring.rule_cases import (
    Rule,
    name_of,
    only,
    recorded_in,
    rule_cases,
    run_promtool,
)

CASES = [case for case in rule_cases() if case.file == "held-late.test.yml"]


def read_by(name: str) -> frozenset[str]:
    """A rule and the recordings that its expression reads, and theirs; not those of its text."""
    (rule,) = only([name])
    direct = recorded_in(rule["expr"]) - {name}
    return frozenset({name}.union(*map(read_by, direct)))


def tries(wanted: str = "") -> Iterator[tuple[str, str, list[Rule]]]:
    """(what is late, test, rules in an order in which all others read it before it is made)."""
    for case in CASES:
        rules = only(frozenset[str]().union(*map(read_by, case.sees)))
        for late in rules:
            if "record" in late and wanted in name_of(late):
                others = [rule for rule in rules if rule is not late]
                yield name_of(late), case.text, [*others, late]


@pytest.mark.slow  # the next one has the recording that matters most
def test_no_held_state_breaks_where_one_recording_is_a_step_late(tmp_path: Path) -> None:
    made = list(tries())
    assert len(made) >= 8
    output, failed = run_promtool([(text, rules) for _, text, rules in made], tmp_path / "late")
    assert not [made[number][0] for number in sorted(failed)], output


def test_it_would_break_if_the_config_ended_with_the_last_answer_of_a_target(
    tmp_path: Path,
) -> None:
    ((_, text, rules),) = tries("sessions:exporter_up")
    shorter = [rule | {"expr": rule["expr"].replace("[5m]", "[3m]")} for rule in rules]
    output, failed = run_promtool([(text, rules), (text, shorter)], tmp_path / "late")
    assert failed == {1}, output
