"""The shipped rules and Alertmanager config with shorter durations, so that tests see alerts."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.support.monitoring.programs import Post, Webhook

ALERTS = Path(__file__).parents[3] / "alerts"

FASTER = 60  #: a minute of the rules is a second here
KEEP_FASTER = 600  #: what an alert goes on for after its end, for which a test would only wait
NOTIFY_FASTER = 300  #: of Alertmanager: it only has to group what comes at the same time

MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DURATION = re.compile(r"\b(?:\d+(?:ms|[smhdw]))+\b")
#: Where PromQL has durations: in ranges and subqueries, and after `offset`.
TIMED = re.compile(r"\[[^\]]+\]|\boffset\s+-?\w+")
#: What may look like one elsewhere: strings, and the names of recorded series.
UNTIMED = re.compile(r'"[^"]*"|\bsessions:[\w:]+')

Rule = dict[str, Any]


def shorter(duration: str, times: int) -> str:
    """Divide a duration such as 1h30m, down to whole milliseconds."""
    parts = re.findall(r"(\d+)(ms|[smhdw])", duration)
    return f"{sum(int(number) * MILLISECONDS[unit] for number, unit in parts) // times}ms"


def faster(expression: str) -> str:
    """Divide every range and offset in PromQL, also where it is part of a template."""

    def each(timed: re.Match[str]) -> str:
        return DURATION.sub(lambda found: shorter(found[0], FASTER), timed[0])

    return TIMED.sub(each, expression)


def faster_rule(rule: Rule) -> Rule:
    """Divide every duration of a rule: ranges and offsets, those in annotations too, and `for`."""
    quick = rule | {"expr": faster(rule["expr"])}
    quick |= {
        key: shorter(rule[key], times)
        for key, times in (("for", FASTER), ("keep_firing_for", KEEP_FASTER))
        if key in rule
    }
    if "annotations" in rule:
        quick["annotations"] = {key: faster(text) for key, text in rule["annotations"].items()}
    return quick


def shipped_rules() -> list[Rule]:
    text = (ALERTS / "session-exporter.rules.yml").read_text(encoding="utf-8")
    groups = yaml.load(text, yaml.CSafeLoader)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def write_faster_rules(folder: Path) -> Path:
    """Write the shipped rules with shorter durations into a file, and return it."""
    path = folder / "session-exporter.rules.yml"
    # One group, so that what is recorded is read in the same step.
    group = {"name": "faster", "rules": [faster_rule(rule) for rule in shipped_rules()]}
    path.write_text(yaml.safe_dump({"groups": [group]}, width=1_000_000), encoding="utf-8")
    return path


def quick_alertmanager(webhook: Webhook) -> dict[str, Any]:
    """The shipped config with every receiver replaced by a path of the webhook of its name."""
    config: dict[str, Any] = yaml.safe_load((ALERTS / "alertmanager.yml").read_text())
    config["receivers"] = [
        {"name": name, "webhook_configs": [{"url": webhook.url(f"/{name}")}]}
        for name in (receiver["name"] for receiver in config["receivers"])
    ]

    def hurry(route: dict[str, Any]) -> None:
        for key in {"group_wait", "group_interval"} & set(route):
            route[key] = shorter(route[key], NOTIFY_FASTER)
        for child in route.get("routes", []):
            hurry(child)

    hurry(config["route"])
    return config


def carries(post: Post, name: str, status: str, labels: dict[str, str]) -> bool:
    """Tell whether an alert of that name, status and labels is in a post."""
    wanted = {"alertname": name, **labels}.items()
    return any(
        each["status"] == status and wanted <= each["labels"].items() for each in post.alerts
    )
