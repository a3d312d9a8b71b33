"""The alert rules are sound, do what their own tests say, and use only metrics that exist."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.metrics import FAMILIES

ALERTS = Path(__file__).parents[2] / "alerts"
RULES = ALERTS / "session-exporter.rules.yml"
TESTS = ALERTS / "session-exporter.test.yml"

Rule = dict[str, Any]

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
RULE_LIST: list[Rule] = [rule for group in GROUPS for rule in group["rules"]]
ALERT_RULES = [rule for rule in RULE_LIST if "alert" in rule]
RECORDED = {rule["record"] for rule in RULE_LIST if "record" in rule}

#: What tells replicas apart, and nothing else.
REPLICA = "(instance, pod, container, endpoint, node)"
TARGET = {"job", "instance", "pod", "container", "endpoint", "node"}

METRICS = {family.name: family for family in FAMILIES}


def _without_strings(expression: str) -> str:
    return re.sub(r'"(?:[^"\\]|\\.)*"|%q', '""', expression)


def _queries(rule: Rule) -> list[str]:
    """Its expression, and the queries in its annotations."""
    texts = " ".join(rule.get("annotations", {}).values())
    return [rule["expr"], *re.findall(r"`([^`]*)`", texts)]


def _selectors(expression: str) -> set[str]:
    """Names of series: words that are no function, label, keyword or number."""
    plain = _without_strings(expression)
    plain = re.sub(r"\{[^{}]*\}|\[[^\]]*\]", "", plain)
    plain = re.sub(r"\b(without|by|on|ignoring|group_left)\s*(\([^()]*\))?", " ", plain)
    words = re.findall(r"[a-zA-Z_][a-zA-Z0-9_:]*(?![a-zA-Z0-9_:]*\s*\()", plain)
    return set(words) - {"and", "or", "unless", "bool", "offset"}


def _labels(expression: str) -> set[str]:
    plain = _without_strings(expression)
    lists = re.findall(r"\b(?:without|by|on|ignoring)\s*\(([^()]*)\)", plain)
    matchers = re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"", plain)
    return {label for each in lists for label in re.findall(r"[a-z_]+", each)} | set(matchers)


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is missing: it comes with Prometheus")
        pytest.skip("promtool is missing: it comes with Prometheus")
    return found


@pytest.mark.parametrize("arguments", [("check", RULES), ("test", TESTS)], ids=["check", "test"])
def test_promtool_finds_no_fault(promtool: str, arguments: tuple[str, Path]) -> None:
    command, file = arguments
    done = subprocess.run(
        [promtool, command, "rules", file.name],
        cwd=ALERTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_series_that_a_rule_uses_exists(rule: Rule) -> None:
    for query in _queries(rule):
        assert _selectors(query) <= set(METRICS) | RECORDED | {"up"}, query


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_label_that_a_rule_uses_exists(rule: Rule) -> None:
    known = {"database", "source"} | TARGET
    known |= {label for family in FAMILIES for label in family.labels}
    used = set().union(*(_labels(query) for query in _queries(rule)))
    used |= set(re.findall(r"\$labels\.([a-z_]+)", str(rule.get("annotations"))))
    assert used <= known


@pytest.mark.parametrize("rule", RULE_LIST, ids=lambda rule: rule.get("alert") or rule["record"])
def test_every_metric_is_folded_as_the_catalog_says_and_smoothed(rule: Rule) -> None:
    # One missed scrape must not start `for` over, and two replicas must not page twice.
    expression = " ".join(rule["expr"].split())
    for fold, inside in re.findall(
        rf"(\w+) without {re.escape(REPLICA)} \(((?:[^()]|\([^()]*\))*)\)", expression
    ):
        names = {name for name in _selectors(inside) if name in METRICS}
        in_sum = {name for name in names if name.startswith("session_exporter_config_")}
        assert {METRICS[name].fold for name in names - in_sum} <= {fold}
    bare = re.sub(r"max_over_time\([a-z_]+(\{[^}]*\})?\[3m\]\)", "", expression)
    assert not _selectors(bare) & set(METRICS)
    assert expression.count("without (") == expression.count(f"without {REPLICA}")


def test_no_rule_uses_a_split_metric() -> None:
    # Its labels are the user's, and each part can be below a threshold that the whole is above.
    assert "_by_label" not in RULES.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", ALERT_RULES, ids=lambda rule: rule["alert"])
def test_every_alert_is_named_graded_and_described(rule: Rule) -> None:
    assert re.fullmatch(r"Sessions([A-Z][a-z]+)+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert "for" in rule
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert "{{" not in summary
    assert summary.endswith(".")
    assert "$labels." in description
    # A number in a page is for people.
    for value in re.findall(r"\{\{-? *(?:\.|\$value)[^}]*\}\}", description):
        assert "humanize" in value or ".Labels" in value or value == "{{ . | first | value }}"


@pytest.mark.parametrize("rule", ALERT_RULES, ids=lambda rule: rule["alert"])
def test_every_alert_is_tested_firing_with_its_whole_text(rule: Rule) -> None:
    tests = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    checks = [check for test in tests for check in test.get("alert_rule_test", [])]
    fired = [each for each in checks if each["alertname"] == rule["alert"] and each["exp_alerts"]]
    assert fired


def test_alert_tests_are_named_as_sentences() -> None:
    names = [test["name"] for test in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]]
    assert len(set(names)) == len(names)
    assert all(len(name.split()) >= 5 for name in names)


def test_the_page_compares_what_the_design_says() -> None:
    (page,) = [rule for rule in ALERT_RULES if rule["alert"] == "SessionsOrphanedAboveThreshold"]
    assert page["labels"]["severity"] == "critical"
    assert page["expr"] == "sessions:orphaned_count:last > sessions:orphaned_alert_threshold"
