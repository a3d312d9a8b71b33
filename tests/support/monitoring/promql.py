"""What a PromQL expression is made of: the series it selects, what it does to them, its labels."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml
from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    Matcher,
    MatchOp,
    MatrixSelector,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
)

from exporter.content.labels import REPLICA, SEPARATING
from exporter.metrics.catalog import FAMILIES, Family
from tests.support.monitoring.families import PROCESS_METRICS

RULES = Path(__file__).parents[3] / "alerts" / "session-exporter.rules.yml"

#: What a scrape adds to every series: the target's labels, and those that tell replicas apart.
TARGET_LABELS = {*SEPARATING, *REPLICA}

#: What a scrape makes of labels of a metric that its target has too, where the rules know it.
RENAMED = {"exported_version", "exported_python"}

#: Made by Prometheus itself, with the labels that it adds to those of the rule.
SYNTHETIC = {
    "up": set[str](),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "ALERTS_FOR_STATE": {"alertname", "severity"},
}

_OPERATORS = ((MatchOp.Equal, "="), (MatchOp.NotEqual, "!="), (MatchOp.Re, "=~"))


@dataclass(frozen=True, slots=True)
class Step:
    """An aggregation or a function: its name, and for an aggregation by or without what."""

    name: str
    grouping: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selector:
    """One selection of series. `steps` are what is around it, the innermost first."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    steps: tuple[Step, ...]
    range: timedelta | None
    offset: timedelta | None


def selectors(expression: str) -> list[Selector]:
    """List what an expression selects, in reading order. Raises ValueError where it is none."""
    return list(_selectors(_parsed(expression), (), None))


def labels(expression: str) -> set[str]:
    """Every label that an expression matches on, groups by, joins on, or writes."""
    found = {name for each in selectors(expression) for name, _, _ in each.matchers}
    return found | set(_grouped(_parsed(expression)))


def catalog() -> dict[str, Family]:
    """Every series of the exporter by its name, the samples of histograms too."""
    series = {}
    for family in FAMILIES:
        histogram = family.type == "gaugehistogram"
        for suffix in ("_bucket", "_gcount", "_gsum") if histogram else ("",):
            series[family.name + suffix] = family
    return series


def known_labels(name: str) -> set[str]:
    """The labels that a series of the exporter, or of Prometheus itself, can have."""
    if name in SYNTHETIC:
        return SYNTHETIC[name] | TARGET_LABELS | {"database", "source", "collector", "kind"}
    if name in PROCESS_METRICS:
        return TARGET_LABELS
    family = catalog()[name]
    return TARGET_LABELS | set(family.labels) | _subject(family)


def recorded() -> set[str]:
    """The series that the rules file records."""
    groups = yaml.load(RULES.read_text(encoding="utf-8"), yaml.CSafeLoader)["groups"]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def _parsed(expression: str) -> Expr:
    # promql-parser looks for escapes in raw strings too, where PromQL has none.
    quoted = re.sub(r"`([^`]*)`", lambda found: json.dumps(found[1]), expression)
    return parse(quoted)


def _subject(family: Family) -> set[str]:
    if family.name.startswith("sessions_"):
        return {"database", "source"}
    if family.name.startswith("session_exporter_database_"):
        return {"database"}
    about_source = ("collection_", "index_", "series")
    rest = family.name.removeprefix("session_exporter_")
    return {"database", "source"} if rest.startswith(about_source) else set()


def _operator(matcher: Matcher) -> str:
    # They are compared one by one: promql-parser's enums cannot be hashed.
    return next((text for op, text in _OPERATORS if matcher.op == op), "!~")


def _children(node: Expr) -> list[Expr]:
    match node:
        case Call():
            return list(node.args)
        case BinaryExpr():
            return [node.lhs, node.rhs]
        case AggregateExpr():
            return [node.expr, *([node.param] if isinstance(node.param, Expr) else [])]
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return [node.expr]
    return []


def _selectors(node: Expr, steps: tuple[Step, ...], span: timedelta | None) -> Iterator[Selector]:
    match node:
        case VectorSelector():
            found = node.matchers.matchers
            matchers = tuple((each.name, _operator(each), each.value) for each in found)
            yield Selector(node.name or "", matchers, steps, span, node.offset)
        case MatrixSelector():
            yield from _selectors(node.vector_selector, steps, node.range)
        case _:
            for child in _children(node):
                yield from _selectors(child, (*_step(node), *steps), span)


def _step(node: Expr) -> tuple[Step, ...]:
    match node:
        case Call():
            return (Step(node.func.name),)
        case AggregateExpr():
            how = node.modifier
            if how is None:
                return (Step(str(node.op), "by"),)
            grouping = "without" if how.type == AggModifierType.Without else "by"
            return (Step(str(node.op), grouping, tuple(how.labels)),)
    return ()


def _grouped(node: Expr) -> Iterator[str]:
    match node:
        case AggregateExpr() if node.modifier is not None:
            yield from node.modifier.labels
        case BinaryExpr() if node.modifier is not None:
            yield from node.modifier.group_labels or ()
            yield from node.modifier.matching.labels if node.modifier.matching else ()
        case Call() if node.func.name in {"label_replace", "label_join"}:
            words = [each.val for each in node.args if isinstance(each, StringLiteral)]
            yield words[0]
            yield from words[2:3] if node.func.name == "label_replace" else words[2:]
    for child in _children(node):
        yield from _grouped(child)
