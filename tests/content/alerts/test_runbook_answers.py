"""The first query of a runbook has an answer in each test that asserts the alert's whole text."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.support.documents import TEXTS, blocks
from tests.support.monitoring.rule_cases import (
    RuleCase,
    only,
    quick_cases,
    recorded_in,
    rule_cases,
    run_promtool,
    uses,
)

#: Prometheus without any target has no series to ask for.
SILENT = {("SessionsExporterAbsent", "1500m")}


def firing(name: str) -> dict[RuleCase, str]:
    """Each test in which the alert fires, asking the query instead."""
    query = blocks(TEXTS[name], "promql")[0]
    made: dict[RuleCase, str] = {}
    for case in rule_cases():
        times = {
            check["eval_time"]
            for check in case.content.get("alert_rule_test", [])
            if check["alertname"] == name and check.get("exp_alerts")
        }
        asked = [
            {
                "expr": f"count(count({query}))",
                "eval_time": time,
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
            for time in sorted(times)
            if (name, time) not in SILENT
        ]
        # As text, because YAML reads 0x10 as 16, and promtool as ten zeros more.
        series = re.split(r"^    (?:promql_expr|alert_rule)_test:", case.text, flags=re.MULTILINE)[
            0
        ]
        if asked:
            made[case] = f"{series}    promql_expr_test: {json.dumps(asked)}\n"
    return made


@pytest.mark.parametrize("name", TEXTS)
def test_the_first_query_has_an_answer_wherever_the_alert_fires(name: str, tmp_path: Path) -> None:
    tests = firing(name)
    assert_answered(name, [tests[case] for case in quickest(tests)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_the_first_query_has_an_answer_also_in_the_long_tests(name: str, tmp_path: Path) -> None:
    tests = firing(name)
    assert_answered(name, [tests[case] for case in set(tests) - quickest(tests)], tmp_path)


def quickest(cases: Iterable[RuleCase]) -> set[RuleCase]:
    """Those that cost little, or else the one that costs least."""
    return set(quick_cases()).intersection(cases) or {min(cases, key=lambda case: case.cost)}


def assert_answered(name: str, tests: Sequence[str], folder: Path) -> None:
    query = blocks(TEXTS[name], "promql")[0]
    assert "ALERTS" not in query  # it would need the rules of alerts as well
    read = recorded_in(query)
    rules = only(read.union(*map(uses, read)))
    output, failed = run_promtool([(text, rules) for text in tests], folder / "promtool")
    assert not failed, output
