"""Alerts about the service level do not depend on the order in which rules are evaluated.

Groups are evaluated side by side, and some rulers evaluate the rules of one group side by side: a
rule may read what another one recorded in the previous evaluation.
"""

from pathlib import Path

import pytest

from tests.support.monitoring.rule_cases import RuleCase, only, rule_cases, run_promtool

CASES = [case for case in rule_cases() if case.file == "late.test.yml"]


@pytest.mark.slow  # a second or more each
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_alert_is_the_same_where_each_recording_is_a_step_late(
    case: RuleCase, tmp_path: Path
) -> None:
    rules = only(case.needs)
    assert len(rules) > 1
    output, failed = run_promtool([(case.text, reversed(rules))], tmp_path / "promtool")
    assert not failed, output
