"""The dashboards keep every rule, and every rule finds what it is there to find."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.exported_json import Json, find_panels
from tests.support.monitoring import dashboard_rules as lint

Spoil = Callable[[Any], object]

#: Ways to spoil a dashboard as a whole.
DASHBOARDS: dict[lint.Rule, dict[str, Spoil]] = {
    lint.has_an_identity: {
        "no uid": lambda d: d.pop("uid"),
        "a uid that Grafana made up": lambda d: d.update(uid="fe2d8x0k1"),
        "the id of one Grafana": lambda d: d.update(id=17),
        "id left out": lambda d: d.pop("id"),
        "no title": lambda d: d.update(title=""),
        "no description": lambda d: d.update(description=""),
        "no tags": lambda d: d["tags"].clear(),
        "no refresh": lambda d: d.update(refresh=""),
        "no time": lambda d: d.pop("time"),
    },
    lint.cannot_be_edited_in_place: {
        "editable": lambda d: d.update(editable=True),
        "exported by hand": lambda d: d.update(__inputs=[]),
        "saved by hand": lambda d: d.update(version=4),
        "somebody's time zone": lambda d: d.update(timezone="Europe/Vienna"),
    },
    lint.takes_its_data_from_the_chosen_source: {
        "no choice": lambda d: d["templating"]["list"].pop(0),
        "another name": lambda d: d["templating"]["list"][0].update(name="ds"),
        "a choice without a label": lambda d: d["templating"]["list"][0].pop("label"),
        "of another kind": lambda d: d["templating"]["list"][0].update(query="loki"),
        "a variable's own": lambda d: d["templating"]["list"][1].pop("datasource"),
        "an annotation's own": lambda d: d["annotations"]["list"][1]["datasource"].update(uid="x"),
    },
    lint.has_variables_that_work: {
        "no label": lambda d: d["templating"]["list"][1].pop("label"),
        "read once": lambda d: d["templating"]["list"][1].update(refresh=1),
        "never read": lambda d: d["templating"]["list"][1].pop("refresh"),
        "shows another query": lambda d: d["templating"]["list"][1].update(definition="x"),
        "not there": lambda d: d["templating"]["list"].pop(1),
        "not used": lambda d: d["templating"]["list"].append(
            {"name": "idle", "type": "textbox", "label": "Idle"}
        ),
    },
    lint.is_numbered: {
        "two of one number": lambda d: d["panels"][1].update(id=d["panels"][2]["id"]),
        "a row without a number": lambda d: d["panels"][0].pop("id"),
    },
    lint.fills_the_grid: {
        "one panel less": lambda d: d["panels"].pop(3),
        "an empty line": lambda d: [
            p["gridPos"].update(y=p["gridPos"]["y"] + 1) for p in d["panels"]
        ],
        "a narrow row": lambda d: d["panels"][0]["gridPos"].update(w=12),
    },
    lint.is_ordered_in_rows: {
        "no row": lambda d: d["panels"].pop(0),
        "no question": lambda d: d["panels"][0].update(title="Numbers"),
        "no title": lambda d: d["panels"][0].update(title=""),
        "closed and empty": lambda d: d["panels"][0].update(collapsed=True),
        "out of order": lambda d: d["panels"].insert(1, d["panels"].pop(5)),
    },
    lint.has_titles_of_their_own: {
        "twice": lambda d: d["panels"][1].update(title=d["panels"][2]["title"]),
    },
    lint.parses: {
        "an annotation": lambda d: d["annotations"]["list"][1].update(expr="ALERTS{"),
        "a variable": lambda d: d["templating"]["list"][1].update(query="label_values(up{, job)"),
    },
}

ALL_KINDS = set(lint.KINDS)
TABLES = {"table", "barchart"}


def _queries(change: Callable[[Json], object]) -> Spoil:
    """Change the last query of a panel."""
    return lambda panel: change(panel["targets"][-1])


def _defaults(change: Callable[[Json], object]) -> Spoil:
    return lambda panel: change(panel["fieldConfig"]["defaults"])


def _without_override(name: str) -> Spoil:
    """Take a property away from all overrides."""

    def change(panel: Json) -> None:
        for override in panel["fieldConfig"]["overrides"]:
            kept = [each for each in override["properties"] if each["id"] != name]
            override["properties"][:] = kept

    return change


def _organize(change: Callable[[Json], object]) -> Spoil:
    def spoil(panel: Json) -> None:
        (found,) = [each for each in panel["transformations"] if each["id"] == "organize"]
        change(found["options"])

    return spoil


#: Ways to spoil a panel: of which kinds, and how.
PANELS: dict[lint.Rule, dict[str, tuple[set[str], Spoil]]] = {
    lint.takes_its_data_from_the_chosen_source: {
        "a panel's own": (ALL_KINDS, lambda p: p.update(datasource={"uid": "PBFA97CFB590B2093"})),
        "none": (ALL_KINDS, lambda p: p.pop("datasource")),
        "a query's own": (ALL_KINDS, _queries(lambda t: t.update(datasource="Prometheus"))),
    },
    lint.has_variables_that_work: {
        "one that is not there": (ALL_KINDS, _queries(lambda t: t.update(expr="up{a=~'$cell'}"))),
    },
    lint.is_numbered: {
        "no number": (ALL_KINDS, lambda p: p.pop("id")),
        "zero": (ALL_KINDS, lambda p: p.update(id=0)),
        "a query without a name": (ALL_KINDS, _queries(lambda t: t.pop("refId"))),
        "two queries of one name": (ALL_KINDS, lambda p: p["targets"].append(p["targets"][0])),
    },
    lint.fills_the_grid: {
        "wider": (ALL_KINDS, lambda p: p["gridPos"].update(w=p["gridPos"]["w"] + 1)),
        "higher": (ALL_KINDS, lambda p: p["gridPos"].update(h=p["gridPos"]["h"] + 1)),
        "narrower": (ALL_KINDS, lambda p: p["gridPos"].update(w=p["gridPos"]["w"] - 1)),
    },
    lint.has_titles_of_their_own: {
        "no title": (ALL_KINDS, lambda p: p.pop("title")),
        "an empty one": (ALL_KINDS, lambda p: p.update(title="")),
        "a small letter": (ALL_KINDS, lambda p: p.update(title=p["title"].lower())),
    },
    lint.says_what_to_do: {
        "no description": (ALL_KINDS, lambda p: p.pop("description")),
        "nothing to do": (
            ALL_KINDS,
            lambda p: p.update(description=p["description"].partition("\n\n")[0]),
        ),
        "hardly anything to do": (
            ALL_KINDS,
            lambda p: p.update(description=p["description"].partition("bad:**")[0] + "bad:** Act."),
        ),
    },
    lint.has_units: {
        "no unit": (ALL_KINDS, _defaults(lambda d: d.pop("unit"))),
        "one that Grafana does not know": (ALL_KINDS, _defaults(lambda d: d.update(unit="secs"))),
        "a column without one": ({"table"}, _without_override("unit")),
        "an axis without one": ({"heatmap"}, lambda p: p["options"]["yAxis"].clear()),
    },
    lint.tells_unknown_from_zero: {
        "nothing": (ALL_KINDS, _defaults(lambda d: d.pop("noValue"))),
        "zero": (ALL_KINDS, _defaults(lambda d: d.update(noValue="0"))),
        "cells without a text": ({"table"}, _without_override("noValue")),
    },
    lint.colors_only_what_is_known: {
        "green": ({"stat"}, _defaults(lambda d: d.pop("mappings"))),
        "green cells": ({"table"}, _without_override("mappings")),
    },
    lint.asks_something: {
        "no query": (ALL_KINDS, lambda p: p["targets"].clear()),
        "an empty one": (ALL_KINDS, _queries(lambda t: t.update(expr=""))),
        "a hidden one": (ALL_KINDS, _queries(lambda t: t.update(hide=True))),
        "lines without names": (ALL_KINDS, _queries(lambda t: t.pop("legendFormat"))),
        "another format": (ALL_KINDS, _queries(lambda t: t.update(format="logs"))),
        "neither now nor a range": (ALL_KINDS, _queries(lambda t: t.pop("instant"))),
        "an old value as a new one": ({"stat", "table"}, _queries(lambda t: t.update(range=True))),
    },
    lint.has_what_its_kind_needs: {
        "an unknown kind": (ALL_KINDS, lambda p: p.update(type="graph")),
        "no calculation": ({"stat"}, lambda p: p["options"]["reduceOptions"]["calcs"].clear()),
        "gaps closed": ({"timeseries"}, _defaults(lambda d: d["custom"].update(spanNulls=True))),
        "bare numbers": ({"state-timeline"}, _defaults(lambda d: d.pop("mappings"))),
        "buckets of buckets": ({"heatmap"}, lambda p: p["options"].update(calculate=True)),
        "no order": ({"barchart"}, lambda p: p["transformations"].pop()),
        "another axis": ({"barchart"}, lambda p: p["options"].update(xField="Time")),
        "sorted by nothing": (
            {"table"},
            lambda p: p["options"]["sortBy"][0].update(displayName="color"),
        ),
        "not joined": (TABLES, lambda p: p["transformations"].pop(0)),
        "a column without a name": (
            TABLES,
            _organize(lambda o: o["renameByName"].pop(max(o["renameByName"]))),
        ),
        "no name for a column that is left alone": (
            TABLES,
            _organize(lambda o: o["renameByName"].pop("Value")),
        ),
        "another name for it": (
            TABLES,
            _organize(lambda o: o["renameByName"].update(Value="worth")),
        ),
        "a name for nothing": (TABLES, _organize(lambda o: o["renameByName"].update(Worth="x"))),
        "the time of the query": (TABLES, _organize(lambda o: o["excludeByName"].pop("Time"))),
    },
    lint.parses: {
        "no PromQL": (ALL_KINDS, _queries(lambda t: t.update(expr="sum(up"))),
        "a range that is none": (ALL_KINDS, _queries(lambda t: t.update(expr="rate(up)"))),
        "a function that is none": (ALL_KINDS, _queries(lambda t: t.update(expr="avarage(up)"))),
    },
    lint.rates_counters_and_nothing_else: {
        "a bare counter": (
            ALL_KINDS,
            _queries(lambda t: t.update(expr="session_exporter_collection_errors_total")),
        ),
        "a bare counter, summed": (
            ALL_KINDS,
            _queries(lambda t: t.update(expr="sum(process_cpu_seconds_total)")),
        ),
        "a rated gauge": (
            ALL_KINDS,
            _queries(lambda t: t.update(expr="rate(sessions_active[$__rate_interval])")),
        ),
        "a rated gauge histogram": (
            ALL_KINDS,
            _queries(lambda t: t.update(expr="increase(sessions_active_age_seconds_bucket[1h])")),
        ),
    },
    lint.rates_over_the_rate_interval: {
        "a fixed time": (
            ALL_KINDS,
            _queries(lambda t: t.update(expr="rate(process_cpu_seconds_total[5m])")),
        ),
        "an hour that nothing tells of": (
            ALL_KINDS,
            _queries(lambda t: t.update(expr="rate(process_cpu_seconds_total[1h])")),
        ),
    },
}


@pytest.mark.parametrize("rule", lint.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("uid", lint.DASHBOARDS)
def test_a_dashboard_keeps_the_rules(uid: str, rule: lint.Rule) -> None:
    assert list(rule(lint.DASHBOARDS[uid])) == []


SPOILED_DASHBOARDS = [
    pytest.param(rule, spoil, id=f"{rule.__name__}: {name}")
    for rule, ways in DASHBOARDS.items()
    for name, spoil in ways.items()
]
#: In the fast tier one kind for each way, and every kind for some.
SPOILED_PANELS = [
    pytest.param(
        rule,
        kind,
        spoil,
        id=f"{rule.__name__}: {name}, {kind}",
        marks=() if place == number % len(kinds) else pytest.mark.slow,
    )
    for number, (rule, name, kinds, spoil) in enumerate(
        (rule, name, kinds, spoil)
        for rule, ways in PANELS.items()
        for name, (kinds, spoil) in ways.items()
    )
    for place, kind in enumerate(sorted(kinds))
]


@pytest.mark.parametrize(("rule", "spoil"), SPOILED_DASHBOARDS)
def test_a_rule_finds_a_spoiled_dashboard(rule: lint.Rule, spoil: Spoil) -> None:
    for good in lint.DASHBOARDS.values():
        bad = copy.deepcopy(good)
        spoil(bad)
        assert list(rule(bad))


@pytest.mark.parametrize(("rule", "kind", "spoil"), SPOILED_PANELS)
def test_a_rule_finds_a_spoiled_panel(rule: lint.Rule, kind: str, spoil: Spoil) -> None:
    # The last of several queries is the one that is forgotten most easily.
    of_this_kind = [
        (uid, panel["id"])
        for uid, good in lint.DASHBOARDS.items()
        for panel in find_panels(good)
        if panel["type"] == kind
    ]
    uid, number = max(of_this_kind, key=lambda each: _size(*each))
    bad = copy.deepcopy(lint.DASHBOARDS[uid])
    (panel,) = [each for each in find_panels(bad) if each["id"] == number]
    spoil(panel)
    assert list(rule(bad))


def _size(uid: str, number: int) -> int:
    (found,) = [each for each in find_panels(lint.DASHBOARDS[uid]) if each["id"] == number]
    return len(found["targets"])


def test_every_rule_is_shown_to_find_something() -> None:
    assert set(lint.RULES) == set(DASHBOARDS) | set(PANELS)


def test_the_dashboards_have_panels_of_every_kind() -> None:
    found = {panel["type"] for good in lint.DASHBOARDS.values() for panel in find_panels(good)}
    assert found == ALL_KINDS
