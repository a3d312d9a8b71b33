"""The example of a config for Alertmanager: which alerts it knows, and which it inhibits."""

import re
from typing import Any

import yaml

from tests.support.monitoring.rule_cases import ALERTS, RULES

FILE = ALERTS / "alertmanager.yml"


CONFIG: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), yaml.CSafeLoader)


#: Alert -> severity.
SEVERITIES: dict[str, str] = {
    rule["alert"]: rule["labels"]["severity"] for rule in RULES if "alert" in rule
}


#: In every inhibit rule.
NO_PAGE = 'severity!="critical"'


def matched(matchers: list[str]) -> set[str]:
    """The alerts that matchers on `alertname`, and that of what no rule inhibits, select."""
    found = set(SEVERITIES)
    for matcher in matchers:
        if matcher == NO_PAGE:
            found = {name for name in found if SEVERITIES[name] != "critical"}
            continue
        parts = re.fullmatch(r'alertname(=~|!~|!=|=)"([^"]+)"', matcher)
        assert parts is not None, matcher
        operator, pattern = parts.groups()
        exact = pattern if "~" in operator else re.escape(pattern)
        found = {
            name
            for name in found
            if (re.fullmatch(exact, name) is None) is operator.startswith("!")
        }
    return found


def inhibitions() -> list[tuple[str, str, tuple[str, ...]]]:
    """(cause, what it holds back, labels that must be equal), one alert each."""
    return [
        (cause, symptom, tuple(rule["equal"]))
        for rule in CONFIG["inhibit_rules"]
        for cause in sorted(matched(rule["source_matchers"]))
        for symptom in sorted(matched(rule["target_matchers"]))
    ]
