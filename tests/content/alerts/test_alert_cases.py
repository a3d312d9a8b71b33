"""Every alert is tested for each way in which an alert goes wrong.

A comment below the name of a test says what it is: `# SessionsOverlong: for, resolves`. That is
held against what is in the test, as far as it can be seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.monitoring.rule_cases import ALERT_RULES, Rule, name_of, rule_cases

every_alert = pytest.mark.parametrize("rule", ALERT_RULES, ids=name_of)

#: What each alert is tested for.
KINDS = {
    "for": "is not reported one step before, and then is",
    "boundary": "on both sides of the threshold",
    "missed scrape": "goes on through a scrape or two that are missed",
    "resolves": "ends",
    "replicas": "two replicas are one report",
    "clusters": "what happens in one cluster is not reported of the other",
}
#: And each page for this: it goes on while the data is missing.
HELD = "held"
NOT_HELD = {"SessionsRecoveryContradicted": "tells what has happened, and not how it is now"}


@dataclass(frozen=True, slots=True)
class Case:
    """One test: what it says that it is, for each alert, and what is in it."""

    name: str
    says: dict[str, list[str]]
    content: Rule


def _cases() -> Iterator[Case]:
    for case in rule_cases():
        said = re.findall(r"^    # (Sessions\w+): (.+)$", case.text, re.MULTILINE)
        says = {alert: sorted(set(kinds.split(", "))) for alert, kinds in said}
        yield Case(case.name, says, case.content)


CASES = list(_cases())


def _seconds(time: str) -> int:
    return int(time[:-1]) * {"s": 1, "m": 60, "h": 3600}[time[-1]]


def fires(case: Rule, alert: str) -> list[bool]:
    """What a test says of an alert, in the order of time: whether it fires."""
    found = [
        (_seconds(check["eval_time"]), bool(check.get("exp_alerts")))
        for check in case.get("alert_rule_test", [])
        if check["alertname"] == alert
    ]
    for check in case.get("promql_expr_test", []):
        expression = check["expr"]
        asks = re.search(rf"\b{alert}\b", expression) or re.search(
            r"ALERTS(?!\{[^}]*alertname)", expression
        )
        if not asks or 'alertstate="pending"' in expression:
            continue
        labels = [each["labels"] for each in check.get("exp_samples") or []]
        named = [each for each in labels if "alertname=" in each]
        mine = [each for each in named if f'alertname="{alert}"' in each] if named else labels
        is_firing = any('alertstate="pending"' not in each for each in mine)
        found.append((_seconds(check["eval_time"]), is_firing))
    return [is_firing for _, is_firing in sorted(found)]


def shows(case: Rule, kind: str, alert: str) -> bool:  # noqa: PLR0911 - a table of cases
    """Whether a test can be what it says that it is."""
    said = fires(case, alert)
    series = [each["series"] for each in case["input_series"]]
    values = [str(each["values"]) for each in case["input_series"]]
    first = said.index(True) if True in said else len(said)
    match kind:
        case "for":
            return False in said[:first] and first < len(said)
        case "resolves":
            return False in said[first:]
        case "missed scrape":
            is_missed = any(re.search(r"stale|_", each) for each in values)
            is_down = any(re.search(r" 0( 0)? 1", each) for each in values)
            return (True in said and is_missed) or (False in said and is_down)
        case "replicas":
            return len(set(re.findall(r'instance="([^"]+)"', " ".join(series)))) > 1
        case "clusters":
            return len(set(re.findall(r'cluster="([^"]+)"', " ".join(series)))) > 1
        case "held":
            return True in said and any("stale" in each for each in values)
    return kind == "boundary" and bool(said)


@every_alert
def test_every_alert_is_tested_for_each_way_of_going_wrong(rule: Rule) -> None:
    demanded = set(KINDS)
    if rule["labels"]["severity"] == "critical" and rule["alert"] not in NOT_HELD:
        demanded.add(HELD)
    said = set().union(*(case.says.get(rule["alert"], []) for case in CASES))
    assert demanded - said == set()


@pytest.mark.parametrize(
    ("case", "alert", "kind"),
    [
        pytest.param(case.content, alert, kind, id=f"{case.name}-{alert}-{kind}")
        for case in CASES
        for alert, kinds in case.says.items()
        for kind in kinds
    ],
)
def test_a_test_is_what_it_says_that_it_is(case: Rule, alert: str, kind: str) -> None:
    assert alert in {rule["alert"] for rule in ALERT_RULES}
    assert kind in {*KINDS, HELD}
    assert shows(case, kind, alert)
