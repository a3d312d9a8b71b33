"""PromQL in dashboards: it parses, uses what the exporter serves, and folds replicas.

As in dashboard_rules.py of tests/support, each rule yields what is wrong, and is shown to find it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from dashboards.exported_json import (
    FILES,
    Expression,
    find_expressions,
    find_variables,
    load,
    substitute_variables,
)
from dashboards.queries import SOURCE_KEYS
from dashboards.variables import LIMIT
from exporter.metrics.catalog import DAILY_INFO, FAMILIES
from tests.support.monitoring import promql
from tests.support.monitoring.families import PROCESS_METRICS

REPLICAS = {"instance", "pod", "container", "endpoint", "node"}

#: As in Grafana where several values are chosen, and the interval of a day on a wide screen.
VALUES = {
    "cluster": "(eu|us)",
    "namespace": "calls",
    "job": "(session-exporter|other)",
    "database": "(app|other)",
    "source": "conversations",
    "worst": "20",
    "__rate_interval": "2m",
    "__range": "1d",
}

DASHBOARDS = {path.stem: load(path) for path in FILES}
VARIABLES = {
    uid: [each["name"] for each in dashboard["templating"]["list"]]
    for uid, dashboard in DASHBOARDS.items()
}
EXPRESSIONS = [each for dashboard in DASHBOARDS.values() for each in find_expressions(dashboard)]
CATALOG = promql.catalog()
RECORDED = promql.recorded()

#: Where replicas are held against each other, or are what it is about: they are not folded there.
ABOUT_REPLICAS = {
    "panel Exporters": "lists the targets one by one",
    "panel Replicas that watch this source": "compares what replicas count",
    "annotation Exporter starts": "marks the start of each process",
    **{f"variable {name}": "lists names" for name in SOURCE_KEYS},
}

#: Metrics of the exporter that no dashboard and no alert uses, and why that is right.
UNUSED: dict[str, str] = {}


def parsed(expression: Expression) -> list[promql.Selector]:
    return promql.selectors(substitute_variables(expression.promql, VALUES))


def place(expression: Expression) -> str:
    return expression.place.partition(", query")[0]


def unknown_series(expression: Expression) -> Iterator[str]:
    known = set(CATALOG) | set(PROCESS_METRICS) | set(promql.SYNTHETIC) | RECORDED
    yield from {each.name for each in parsed(expression)} - known


def unknown_labels(expression: Expression) -> Iterator[str]:
    served = [each for each in parsed(expression) if each.name not in RECORDED]
    for each in served:
        yield from {name for name, _, _ in each.matchers} - promql.known_labels(each.name)
    known = set[str]().union(*(promql.known_labels(each.name) for each in served))
    yield from promql.labels(substitute_variables(expression.promql, VALUES)) - known
    if expression.label:
        yield from {expression.label} - known


def not_folded(expression: Expression) -> Iterator[str]:
    for each in parsed(expression):
        family = CATALOG.get(each.name)
        if family and place(expression) not in ABOUT_REPLICAS:
            folds = [step for step in each.steps if set(step.labels) >= REPLICAS]
            # How many configs there are is counted; everything else is a max or a min.
            counted = family.type == "info" and each.name != DAILY_INFO.name
            name = "count" if counted else family.fold
            if {(step.name, step.grouping) for step in folds} != {(name, "without")}:
                yield f"{each.name} is not folded by {name}"
            # The days of a replica are added up first: around midnight another one is a day ahead.
            elif any(
                step.grouping and step.labels != ("days_ago",)
                for step in each.steps[: each.steps.index(folds[0])]
            ):
                yield f"{each.name} is put together before it is folded"
        about_replicas = place(expression) in ABOUT_REPLICAS
        if (
            each.name in PROCESS_METRICS
            and not about_replicas
            and any(s.labels for s in each.steps)
        ):
            yield f"{each.name} is of one process, and never of several"


def not_filtered(expression: Expression) -> Iterator[str]:
    """A series has to be chosen by each variable of its dashboard that it has the label of."""
    names = VARIABLES[expression.dashboard]
    if expression.kind == "variable":
        names = names[: names.index(expression.label)]  # by those to the left of it
    for each in parsed(expression):
        if each.name in RECORDED:
            continue  # it is only asked whether there is any
        wanted = set(names) & promql.known_labels(each.name)
        if each.name == "up":
            wanted -= {"database", "source"}  # a target has neither
        matched = {name for name, operator, _ in each.matchers if operator in {"=", "=~"}}
        yield from (f"{each.name} is not chosen by {name}" for name in wanted - matched)
    yield from find_variables(expression.promql) - {*names, "__rate_interval", "__range"}


def names_a_place(expression: Expression) -> Iterator[str]:
    """A job, an instance or a database that is written down is one that users do not have."""
    for label, value in re.findall(
        r'(job|instance|database|source|namespace|cluster)[!=]~?"([^"]*)"', expression.promql
    ):
        if not value.startswith("$"):
            yield f"{label} {value}"


def needs_the_rules(expression: Expression) -> Iterator[str]:
    """Recorded series may tell whether the rules are loaded; numbers come from the exporter."""
    if {each.name for each in parsed(expression)} & RECORDED:
        asked = expression.promql.removesuffix(" or 0 * count(sessions:source_configured)")
        yield from set(re.findall(r"sessions:\w+", asked))


def not_limited(expression: Expression) -> Iterator[str]:
    """Of two hundred sources a panel shows the worst, or it adds them up."""
    asked = expression.kind in {"range", "instant", "annotation"}
    if LIMIT not in VARIABLES[expression.dashboard] or not asked:
        return
    for each in parsed(expression):
        if each.name in {"up", *RECORDED} or "source" not in promql.known_labels(each.name):
            continue
        groups = [step for step in each.steps if step.grouping == "by"]
        added_up = any(
            step.name not in {"topk", "bottomk"} and "source" not in step.labels for step in groups
        )
        if not added_up and f"${LIMIT}" not in expression.promql:
            yield f"{each.name} has a series for each source"


Rule = Callable[[Expression], Iterator[str]]
RULES: tuple[Rule, ...] = (
    unknown_series,
    unknown_labels,
    not_folded,
    not_filtered,
    names_a_place,
    needs_the_rules,
    not_limited,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("uid", DASHBOARDS)
def test_no_expression_breaks_a_rule(uid: str, rule: Rule) -> None:
    mine = [each for each in EXPRESSIONS if each.dashboard == uid]
    assert {str(each): found for each in mine if (found := list(rule(each)))} == {}


FOLD = "without (instance, pod, container, endpoint, node)"
CHOSEN = "{" + ",".join(f'{name}=~"${name}"' for name in SOURCE_KEYS) + "}"
ACTIVE = f"max {FOLD} (sessions_active{CHOSEN})"
GOOD = Expression(
    "sessions-overview", "panel Some", f"{ACTIVE} and topk($worst, {ACTIVE})", "range"
)

BAD: list[tuple[Rule, str]] = [
    (unknown_series, "sessions_actve"),
    (unknown_series, "sessions_active_age_seconds"),  # its samples have suffixes
    (unknown_series, "sessions_active_age_seconds_count"),  # it is _gcount
    (unknown_series, "sessions:orphaned"),
    (unknown_series, "sum(up) + max(node_load1)"),
    (unknown_labels, 'sessions_active{table="x"}'),
    (unknown_labels, 'sessions_active{collector="active"}'),  # of another metric
    (unknown_labels, 'session_exporter_database_up{source="x"}'),
    (unknown_labels, 'process_open_fds{database="app"}'),
    (unknown_labels, "sum by (kinds) (sessions_inconsistent)"),
    (unknown_labels, "sum without (host) (sessions_active)"),
    (unknown_labels, "sessions_active / on (db) sessions_orphaned"),
    (unknown_labels, "up * on (job) group_left (release) session_exporter_build_info"),
    (unknown_labels, 'label_replace(up, "host", "x", "instance", "(.*)")'),
    (not_folded, "sessions_active"),
    (not_folded, "sum(sessions_active)"),
    (not_folded, f"min {FOLD} (sessions_active)"),
    (not_folded, f"max {FOLD} (sessions_oldest_active_start_timestamp_seconds)"),
    (not_folded, f"sum {FOLD} (sessions_active)"),
    (not_folded, "max without (instance) (sessions_active)"),
    (not_folded, f"max {FOLD} (sum by (database) (sessions_active))"),
    (not_folded, f"max {FOLD} (sessions_active) - sessions_orphaned"),
    (not_folded, f"max {FOLD} (process_open_fds)"),
    (not_filtered, "sessions_active"),
    (not_filtered, 'sessions_active{job=~"$job"}'),
    (not_filtered, f"sessions_active{CHOSEN.replace('database=~', 'database!~')}"),
    (not_filtered, f"sessions_active{CHOSEN.replace('cluster=~', 'cluster!~')}"),
    (not_filtered, f"sessions_active{CHOSEN} / sessions_orphaned"),
    (not_filtered, 'ALERTS{job=~"$job|"}'),
    (not_filtered, "up"),
    (not_filtered, f'sessions_active{CHOSEN} > bool up{{job=~"$job",instance="$source"}}'),
    (names_a_place, 'up{job="session-exporter"}'),
    (names_a_place, 'up{job=~".*session-exporter.*"}'),
    (names_a_place, 'sessions_active{database="app"}'),
    (not_limited, f"max {FOLD} (sessions_active{CHOSEN})"),
    (not_limited, f"sum by (source, kind) (max {FOLD} (sessions_inconsistent{CHOSEN}))"),
    (needs_the_rules, "sessions:orphaned_count"),
    (needs_the_rules, "sessions:orphaned_count or 0 * count(sessions:source_configured)"),
]


@pytest.mark.parametrize(("rule", "expression"), BAD)
def test_a_rule_finds_a_bad_expression(rule: Rule, expression: str) -> None:
    assert list(rule(GOOD)) == []
    assert list(rule(replace(GOOD, promql=expression)))


def test_every_rule_is_shown_to_find_something() -> None:
    assert {rule for rule, _ in BAD} == set(RULES)


def test_a_variable_must_list_a_label_that_its_metric_has() -> None:
    bad = Expression("sessions-overview", "variable job", "up", "variable", "release")
    assert list(unknown_labels(bad)) == ["release"]
    left = 'cluster=~"$cluster",namespace=~"$namespace"'
    early = Expression(
        "sessions-overview", "variable job", f'up{{{left},job="$database"}}', "variable", "job"
    )
    assert list(not_filtered(early)) == ["database"]


def test_a_dot_in_a_name_is_a_dot_also_in_a_pattern() -> None:
    # Where one is chosen, Grafana escapes nothing by itself; and `\\.` is no escape in "quotes".
    chosen = {"cluster": "eu.1", "namespace": "a.b", "job": "j.x"}
    chosen |= {"database": "app.eu", "source": "conv.v2"}
    patterns = {
        (name, value)
        for each in EXPRESSIONS
        if each.dashboard == "sessions-source"
        for selector in promql.selectors(substitute_variables(each.promql, {**VALUES, **chosen}))
        for name, operator, value in selector.matchers
        if operator == "=~" and name in chosen
    }
    assert {name for name, _ in patterns} == set(chosen)
    for name, pattern in patterns:
        assert re.fullmatch(pattern, chosen[name]), pattern
        assert not re.fullmatch(pattern, chosen[name].replace(".", "x")), pattern


def test_what_is_said_to_be_about_replicas_is_there() -> None:
    assert set(ABOUT_REPLICAS) <= {place(each) for each in EXPRESSIONS}


def used() -> set[str]:
    return {selector.name for each in EXPRESSIONS for selector in parsed(each)}


def test_every_metric_is_used_in_a_dashboard_or_an_alert_or_listed_as_unused() -> None:
    rules = promql.RULES.read_text(encoding="utf-8")
    names = {family.name for family in FAMILIES} | set(PROCESS_METRICS)
    found = {CATALOG[name].name if name in CATALOG else name for name in used()}
    found |= {name for name in names if re.search(rf"\b{name}\b", rules)}
    assert names - found == set(UNUSED)


def test_each_sample_of_the_age_histogram_is_used() -> None:
    assert {name for name in CATALOG if name.startswith("sessions_active_age_seconds")} <= used()
