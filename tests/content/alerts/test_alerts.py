"""The alert rules are sound, do what their own tests say, and use only metrics that exist."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.content.labels import REPLICA
from exporter.content.options import RUNBOOKS
from tests.support.monitoring import promql
from tests.support.monitoring.programs import program
from tests.support.monitoring.rule_cases import (
    ALERT_RULES,
    ALERTS,
    QUICK_PROMTOOL,
    RULES,
    RULES_FILE,
    Rule,
    RuleCase,
    name_of,
    only,
    quick_cases,
    rule_cases,
    run_promtool,
)

TESTS = sorted(ALERTS.glob("*.test.yml"))

CASES = [case.content for case in rule_cases()]

#: Two missed scrapes of a minute; and for what comes from the config, two more than a target
#: counts as up.
SMOOTHED, SETTLED = timedelta(minutes=3), timedelta(minutes=5)

#: Tells which targets are exporters: one by one, and not folded.
TARGETS = "sessions:exporter_target_up"

CATALOG = promql.catalog()

#: Their own tests show that a missed scrape and a second replica change nothing: a product of two
#: metrics, and exporters that were there within the hour.
SMOOTHED_OTHERWISE = {"sessions:ended:by_date", "SessionsExporterRestarting"}

#: Replicas are held against each other, or whichever config is the older one is right.
NOT_FOLDED_AS_IN_THE_CATALOG = {
    "session_exporter_config_info",
    "session_exporter_config_last_reload_success_timestamp_seconds",
}


def queries(rule: Rule) -> list[str]:
    """The queries in its annotations, with something in place of what templates fill in."""
    texts = " ".join(rule.get("annotations", {}).values())
    found = re.findall(r"query \(printf `([^`]*)`", texts)
    return [text.replace("{%s", '{job="x"').replace("%q", '"x"') for text in found]


every_rule = pytest.mark.parametrize("rule", RULES, ids=name_of)
every_alert = pytest.mark.parametrize("rule", ALERT_RULES, ids=name_of)


@pytest.mark.parametrize(
    ("command", "file"),
    [("check", ALERTS / RULES_FILE), *(("test", file) for file in TESTS)],
    ids=lambda value: getattr(value, "name", value),
)
def test_promtool_finds_no_fault(command: str, file: Path, tmp_path: Path) -> None:
    if command == "check":
        assert_promtool_succeeds("check", file)
        return
    cases = [case for case in rule_cases() if case.file == file.name]
    assert_cases_succeed([case for case in cases if case in quick_cases()], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_promtool_finds_no_fault_in_the_long_tests(file: Path, tmp_path: Path) -> None:
    cases = [case for case in rule_cases() if case.file == file.name]
    assert_cases_succeed([case for case in cases if case not in quick_cases()], tmp_path)


def assert_cases_succeed(cases: Sequence[RuleCase], folder: Path) -> None:
    output, failed = run_promtool(
        [(case.text, only(case.needs)) for case in cases], folder / "promtool"
    )
    assert not [cases[number].name for number in sorted(failed)], output


@pytest.mark.slow  # promtool evaluates a hundred rules at each step
def test_a_test_of_each_file_succeeds_beside_all_rules_as_they_are_shipped(tmp_path: Path) -> None:
    # Other rules change nothing, and each step takes a hundred of them: the shortest test will do.
    shutil.copy(ALERTS / RULES_FILE, tmp_path)
    for file in TESTS:
        mine = (case for case in rule_cases() if case.file == file.name)
        (tmp_path / file.name).write_text(min(mine, key=lambda case: case.steps).text)
    assert_promtool_succeeds("test", *(tmp_path / file.name for file in TESTS))


def assert_promtool_succeeds(command: str, *files: Path) -> None:
    done = subprocess.run(
        [program("promtool"), command, "rules", *(file.name for file in files)],
        cwd=files[0].parent,
        capture_output=True,
        text=True,
        check=False,
        env=QUICK_PROMTOOL,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@every_rule
def test_every_series_that_a_rule_uses_exists(rule: Rule) -> None:
    known = set(CATALOG) | promql.recorded() | {"up", "process_start_time_seconds"}
    for query in [rule["expr"], *queries(rule)]:
        assert {each.name for each in promql.selectors(query)} <= known, query


@every_rule
def test_every_label_that_a_rule_uses_exists(rule: Rule) -> None:
    known = {"database", "source"} | promql.TARGET_LABELS | promql.RENAMED
    known |= {label for family in CATALOG.values() for label in family.labels}
    used = set().union(*(promql.labels(query) for query in [rule["expr"], *queries(rule)]))
    used |= set(re.findall(r"\$labels\.([a-z_]+)", str(rule.get("annotations"))))
    assert used - {""} <= known  # label_replace() takes a label away by giving it no value


@every_rule
def test_every_metric_is_smoothed_and_folded_as_the_catalog_says(rule: Rule) -> None:
    # One missed scrape must not start `for` over, and two replicas must not page twice.
    if name_of(rule) == TARGETS:
        return
    is_held = "last_over_time" in rule["expr"] and "exporter_arrived" in rule["expr"]
    for each in promql.selectors(rule["expr"]):
        if each.name not in CATALOG or name_of(rule) in SMOOTHED_OTHERWISE:
            continue
        # The days of one replica are summed before replicas are folded.
        smoothing, fold = [step for step in each.steps if step.labels != ("days_ago",)][:2]
        if CATALOG[each.name].type == "counter":
            assert smoothing.name == "increase"
        elif "days_ago" in CATALOG[each.name].labels or each.name.startswith("sessions_daily_"):
            # At midnight each value moves to the next series: the highest would count a day twice.
            assert (smoothing.name, each.range) in {
                ("last_over_time", SMOOTHED),
                ("max_over_time", SMOOTHED),
            }
        else:
            assert smoothing.name == "max_over_time"
            assert each.range == (SETTLED if is_held else SMOOTHED)
        assert (fold.grouping, fold.labels) == ("without", REPLICA)
        if each.name not in NOT_FOLDED_AS_IN_THE_CATALOG:
            assert fold.name == CATALOG[each.name].fold


def test_no_rule_uses_a_split_metric() -> None:
    # Its labels are the user's, and each part can be below a threshold that the whole is above.
    assert "_by_label" not in (ALERTS / RULES_FILE).read_text(encoding="utf-8")


@every_alert
def test_every_alert_is_named_graded_and_described(rule: Rule) -> None:
    assert re.fullmatch(r"Sessions([A-Z][a-z]+)+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert "for" in rule
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert "{{" not in summary
    assert summary.endswith(".")
    assert "$labels." in description
    # A number in a page is for people; targets are few, and counted as they are.
    for value in re.findall(r"\{\{-? *(?:\.|\$value)[^}]*\}\}", description):
        is_readable = "humanize" in value or "printf" in value or ".Labels" in value
        assert is_readable or value in {"{{ . | first | value }}", "{{ . }}"}


@every_alert
def test_every_alert_leads_to_its_runbook(rule: Rule) -> None:
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOKS}/{rule['alert']}.md"


def checks(case: Rule, alert: str) -> list[bool]:
    """What a test asks about an alert: whether it fires, each time that it is asked."""
    found = [
        bool(check.get("exp_alerts"))
        for check in case.get("alert_rule_test", [])
        if check["alertname"] == alert
    ]
    for check in case.get("promql_expr_test", []):
        asked = re.search(r'ALERTS\{[^}]*alertname="(\w+)"', check["expr"])
        if (asked and asked[1] == alert) or re.match(r"ALERTS(?!\{)|ALERTS\{\}", check["expr"]):
            samples = check.get("exp_samples") or []
            found.append(any("firing" in each["labels"] for each in samples))
    return found


@every_alert
def test_every_alert_is_tested_firing_with_its_whole_text(rule: Rule) -> None:
    fired = [
        alert
        for case in CASES
        for check in case.get("alert_rule_test", [])
        if check["alertname"] == rule["alert"]
        for alert in check.get("exp_alerts") or []
    ]
    assert fired
    # promtool compares all labels and annotations of what fires with what is expected.
    assert all(set(each["exp_annotations"]) == set(rule["annotations"]) for each in fired)


@every_alert
def test_every_alert_is_tested_staying_quiet(rule: Rule) -> None:
    assert any(False in checks(case, rule["alert"]) for case in CASES)


def test_alert_tests_are_named_as_sentences() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names)
    assert all(len(name.split()) >= 5 for name in names)


def test_the_page_compares_what_the_design_says() -> None:
    (page,) = [rule for rule in ALERT_RULES if rule["alert"] == "SessionsOrphanedAboveThreshold"]
    assert page["labels"]["severity"] == "critical"
    assert page["expr"] == "sessions:orphaned_count:last > sessions:orphaned_alert_threshold"


def test_one_alert_pages_about_orphans_one_about_blindness_and_one_about_damage() -> None:
    pages = {rule["alert"] for rule in ALERT_RULES if rule["labels"]["severity"] == "critical"}
    assert pages == {
        "SessionsOrphanedAboveThreshold",
        "SessionsUncounted",
        "SessionsRecoveryContradicted",
    }
