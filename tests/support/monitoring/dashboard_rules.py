"""The rules of Grafana's dashboard-linter and mixtool for dashboards, and some of our own.

Each rule is a function that yields what is wrong with a dashboard.

Of dashboard-linter these do not apply: target-job, target-instance, template-job and
template-instance. Replicas are folded, and a source is addressed by its database and name; that
every series is filtered by the variables that there are is tested in test_dashboard_promql.py.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from grafana_foundation_sdk.models import units

from dashboards.exported_json import (
    FILES,
    Json,
    find_expressions,
    find_panels,
    find_variables,
    load,
    substitute_variables,
)
from dashboards.queries import SOURCE_KEYS
from exporter.metrics.catalog import FAMILIES
from tests.support.monitoring import promql
from tests.support.monitoring.families import PROCESS_METRICS

DASHBOARDS = {path.stem: load(path) for path in FILES}
UNITS = {value for name, value in vars(units).items() if name[0].isupper()}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

#: What Grafana puts for the variables: an interval and a range that no expression writes down.
VALUES = dict.fromkeys(("cluster", "namespace", "job", "database", "source"), "x")
VALUES |= {"worst": "20", "__rate_interval": "4m1s", "__range": "23h59m"}
RATE_INTERVAL = timedelta(minutes=4, seconds=1)
RANGE = timedelta(hours=23, minutes=59)

COUNTERS = {family.name for family in FAMILIES if family.type == "counter"}
COUNTERS |= {name for name in PROCESS_METRICS if name.endswith("_total")}
#: A gauge that counts from midnight on: docs/metrics.md promises that increase() works.
LIKE_A_COUNTER = {"sessions_today_started"}

Rule = Callable[[Json], Iterator[str]]


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    for panel in find_panels(dashboard):
        for target in panel.get("targets", ()):
            yield panel, target


def selectors(dashboard: Json) -> Iterator[tuple[str, promql.Selector]]:
    for each in find_expressions(dashboard):
        for selector in promql.selectors(substitute_variables(each.promql, VALUES)):
            yield each.place, selector


def has_an_identity(dashboard: Json) -> Iterator[str]:
    if not re.fullmatch(r"[a-z]+(-[a-z]+)+", dashboard.get("uid") or ""):
        yield "the uid is not fixed and readable"
    if dashboard.get("id", 0) is not None:
        yield "the id is that of one Grafana"
    for name in ("title", "description", "tags", "refresh", "time"):
        if not dashboard.get(name):
            yield f"no {name}"


def cannot_be_edited_in_place(dashboard: Json) -> Iterator[str]:
    if dashboard["editable"] is not False:
        yield "what is edited in Grafana is lost when the file comes again"
    for name in ("__inputs", "__requires", "__elements", "iteration", "version"):
        if name in dashboard:
            yield f"{name} is for dashboards that somebody imports or saves by hand"
    if dashboard["timezone"] != "browser":
        yield "the time zone is not the reader's"


def takes_its_data_from_the_chosen_source(dashboard: Json) -> Iterator[str]:
    first = dashboard["templating"]["list"][0]
    said = {name: first.get(name) for name in ("type", "name", "label", "query")}
    if list(said.values()) != ["datasource", "datasource", "Data source", "prometheus"]:
        yield f"the first variable does not choose the data source: {said}"
    for panel in find_panels(dashboard):
        for each in (panel, *panel.get("targets", ())):
            if each.get("datasource") != DATASOURCE:
                yield f"{panel['title']}: data source {each.get('datasource')}"
    asking = [each for each in dashboard["templating"]["list"] if each["type"] == "query"]
    for each in (*asking, *dashboard["annotations"]["list"]):
        if not each.get("builtIn") and each.get("datasource") != DATASOURCE:
            yield f"{each['name']}: data source {each.get('datasource')}"


def has_variables_that_work(dashboard: Json) -> Iterator[str]:
    text = str([dashboard["panels"], dashboard["annotations"], dashboard["links"]])
    known = {each["name"] for each in dashboard["templating"]["list"]}
    for each in dashboard["templating"]["list"]:
        name = each["name"]
        if not each.get("label"):
            yield f"variable {name}: no label"
        if each["type"] == "query" and each.get("refresh") != 2:
            yield f"variable {name}: not read anew when the time range changes"
        if each["type"] == "query" and each["query"] != each["definition"]:
            yield f"variable {name}: shows another query than it asks"
        if name not in find_variables(text):
            yield f"variable {name}: not used"
    for name in find_variables(text) - known:
        if not name.startswith("__"):
            yield f"no variable {name}"


def is_numbered(dashboard: Json) -> Iterator[str]:
    every = [
        *dashboard["panels"],
        *(p for row in dashboard["panels"] for p in row.get("panels", ())),
    ]
    ids = [panel.get("id") for panel in every]
    if None in ids or 0 in ids or len(set(ids)) < len(ids):
        yield f"panels without a number of their own: {ids}"
    for panel in find_panels(dashboard):
        refs = [target.get("refId") for target in panel.get("targets", ())]
        if refs != [chr(ord("A") + number) for number in range(len(refs))]:
            yield f"{panel['title']}: queries are called {refs}"


def fills_the_grid(dashboard: Json) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard["panels"]:
        yield from _taken(panel, taken)
    lines = {y for _, y in taken}
    if lines != set(range(len(lines))):
        yield "there are empty lines"
    if len(taken) != 24 * len(lines):
        yield "a line does not fill 24 columns"
    for row in dashboard["panels"]:
        inside: dict[tuple[int, int], str] = {}
        for panel in row.get("panels", ()):
            yield from _taken(panel, inside)
        if len(inside) != 24 * len({y for _, y in inside}):
            yield f"{row['title']}: a line does not fill 24 columns"


def _taken(panel: Json, taken: dict[tuple[int, int], str]) -> Iterator[str]:
    at = panel["gridPos"]
    if at["x"] + at["w"] > 24:
        yield f"{panel['title']} is wider than the grid"
    for x in range(at["x"], at["x"] + at["w"]):
        for y in range(at["y"], at["y"] + at["h"]):
            if (x, y) in taken:
                yield f"{panel['title']} lies on {taken[x, y]}"
            taken[x, y] = panel["title"]


def is_ordered_in_rows(dashboard: Json) -> Iterator[str]:
    rows = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    if dashboard["panels"][0]["type"] != "row":
        yield "panels above the first row"
    for row in rows:
        if not row["title"] or not (row["title"].endswith("?") or row["collapsed"]):
            yield f"{row['title']} is not a question"
        if bool(row["panels"]) is not row["collapsed"]:
            yield f"{row['title']} holds panels although it is open, or is empty"
    order = [(p["gridPos"]["y"], p["gridPos"]["x"]) for p in dashboard["panels"]]
    if order != sorted(order):
        yield "panels are not in the order in which they are read"


def has_titles_of_their_own(dashboard: Json) -> Iterator[str]:
    titles = [panel.get("title") for panel in find_panels(dashboard)]
    for title in titles:
        if not title or not title[0].isupper() or titles.count(title) > 1:
            yield f"title {title!r}"


def says_what_to_do(dashboard: Json) -> Iterator[str]:
    for panel in find_panels(dashboard):
        shows, _, act = (panel.get("description") or "").partition("\n\n**When it looks bad:** ")
        if len(shows.split()) < 5 or not shows.endswith("."):
            yield f"{panel['title']}: does not say what it shows"
        if len(act.split()) < 5 or not act.endswith("."):
            yield f"{panel['title']}: does not say what to do"


def has_units(dashboard: Json) -> Iterator[str]:
    for panel in find_panels(dashboard):
        found = [panel["fieldConfig"]["defaults"].get("unit")]
        found += [value for name, value in _overridden(panel) if name == "unit"]
        if panel["type"] == "heatmap":
            found.append(panel["options"]["yAxis"].get("unit"))
        for unit in found:
            if unit not in UNITS:
                yield f"{panel['title']}: unit {unit!r}"
    for panel in find_panels(dashboard):
        if panel["type"] == "table":
            for column in set(_columns(panel)) - _with_override(panel, "unit"):
                yield f"{panel['title']}: no unit in column {column}"


def tells_unknown_from_zero(dashboard: Json) -> Iterator[str]:
    for panel in find_panels(dashboard):
        texts = [panel["fieldConfig"]["defaults"].get("noValue")]
        texts += [
            each["value"]
            for override in panel["fieldConfig"]["overrides"]
            for each in override["properties"]
            # An empty label is nothing to a link too.
            if each["id"] == "noValue" and override["matcher"]["options"] not in SOURCE_KEYS
        ]
        for text in texts:
            if not text or re.search(r"\d", text):
                yield f"{panel['title']}: {text!r} is shown where there is nothing"
        if panel["type"] == "table":
            if "string" not in _with_override(panel, "noValue"):
                yield f"{panel['title']}: an empty label shows the text of the whole panel"
            for column in set(_columns(panel)) - _with_override(panel, "noValue"):
                yield f"{panel['title']}: nothing to show in an empty cell of {column}"


def colors_only_what_is_known(dashboard: Json) -> Iterator[str]:
    """Where nothing says otherwise, Grafana colors "unknown" as the lowest level: green."""
    for panel in find_panels(dashboard):
        fields = [panel["fieldConfig"]["defaults"]] if panel["type"] == "stat" else []
        for override in panel["fieldConfig"]["overrides"]:
            found = {each["id"]: each["value"] for each in override["properties"]}
            if "custom.cellOptions" in found:
                fields.append(found)
        for each in fields:
            specials = [m["options"] for m in each.get("mappings", ()) if m["type"] == "special"]
            plain = {"text": each.get("noValue"), "color": "text"}
            base = each.get("thresholds", {"steps": [{}]})["steps"][0].get("color")
            if {"match": "null+nan", "result": plain} not in specials and base != "text":
                yield f"{panel['title']}: {each.get('noValue')} has the color of what is fine"


def _overridden(panel: Json) -> Iterator[tuple[str, Any]]:
    for override in panel["fieldConfig"]["overrides"]:
        for each in override["properties"]:
            yield each["id"], each["value"]


def _with_override(panel: Json, name: str) -> set[str]:
    return {
        override["matcher"]["options"]
        for override in panel["fieldConfig"]["overrides"]
        if name in {each["id"] for each in override["properties"]}
    }


def _columns(panel: Json) -> list[str]:
    """The names of a table's columns of values."""
    (organize,) = [each for each in panel["transformations"] if each["id"] == "organize"]
    names: dict[str, str] = organize["options"]["renameByName"]
    return list(dict.fromkeys(names.values()))


def asks_something(dashboard: Json) -> Iterator[str]:
    for panel in find_panels(dashboard):
        if not panel.get("targets"):
            yield f"{panel['title']}: no query"
    for panel, target in targets(dashboard):
        where = f"{panel['title']}, {target.get('refId')}"
        if not target.get("expr") or target.get("hide"):
            yield f"{where}: asks nothing"
        if not target.get("legendFormat"):
            yield f"{where}: lines without names"
        wanted = {"table": "table", "barchart": "table", "heatmap": "heatmap"}
        if target.get("format") != wanted.get(panel["type"], "time_series"):
            yield f"{where}: format {target.get('format')}"
        now = panel["type"] in {"stat", "table", "barchart"}
        if (target.get("instant"), target.get("range")) != (now, not now):
            yield f"{where}: asks for a range instead of now, or the other way round"


def has_what_its_kind_needs(dashboard: Json) -> Iterator[str]:
    for panel in find_panels(dashboard):
        problem = KINDS[panel["type"]](panel) if panel["type"] in KINDS else "unknown kind"
        if problem:
            yield f"{panel['title']}: {problem}"


def _stat(panel: Json) -> str:
    calcs = panel["options"]["reduceOptions"]["calcs"]
    return "" if calcs == ["lastNotNull"] else "not one value"


def _lines(panel: Json) -> str:
    custom = panel["fieldConfig"]["defaults"]["custom"]
    return "a line across the time when nobody knew" if custom.get("spanNulls") else ""


def _timeline(panel: Json) -> str:
    return "" if panel["fieldConfig"]["defaults"].get("mappings") else "values without a meaning"


def _heatmap(panel: Json) -> str:
    return "buckets of buckets" if panel["options"]["calculate"] else ""


def _bars(panel: Json) -> str:
    ids = [each["id"] for each in panel["transformations"]]
    if panel["options"]["xField"] != "date" or ids[-1] != "sortBy":
        return "not in the order of the days"
    return _joined(panel)


def _table(panel: Json) -> str:
    (by,) = panel["options"]["sortBy"]
    (organize,) = [each for each in panel["transformations"] if each["id"] == "organize"]
    shown = {*_columns(panel), *organize["options"]["indexByName"]}
    if by["displayName"] not in shown:
        return f"sorted by {by['displayName']}, which it does not have"
    if by["displayName"] == "date" and not by["desc"]:
        return "the newest day is not the first"
    if not set(_columns(panel)) <= _with_override(panel, "unit"):
        return "an override for a column that is not there"
    return _joined(panel)


def _joined(panel: Json) -> str:
    refs = [target["refId"] for target in panel["targets"]]
    values = {f"Value #{ref}" for ref in refs} if len(refs) > 1 else {"Value"}
    ids = [each["id"] for each in panel["transformations"]]
    if ("merge" in ids) is not (len(refs) > 1):
        return "queries are not joined"
    (organize,) = [each for each in panel["transformations"] if each["id"] == "organize"]
    options = organize["options"]
    if not options["excludeByName"].get("Time"):
        return "shows the time of the query"
    hidden = {name for name, out in options["excludeByName"].items() if out}
    named = dict(options["renameByName"])
    # When no other query has an answer, Grafana calls the value of the one that has plain `Value`.
    alone = named.pop("Value", None) if len(refs) > 1 else None
    if len(refs) > 1 and alone not in named.values():
        return "no name for what is left when one query alone has an answer"
    return "" if values <= set(named) | hidden and set(named) <= values else "columns without names"


KINDS: dict[str, Callable[[Json], str]] = {
    "stat": _stat,
    "timeseries": _lines,
    "state-timeline": _timeline,
    "heatmap": _heatmap,
    "barchart": _bars,
    "table": _table,
}


def parses(dashboard: Json) -> Iterator[str]:
    for each in find_expressions(dashboard):
        try:
            promql.selectors(substitute_variables(each.promql, VALUES))
        except (ValueError, KeyError) as error:
            yield f"{each.place}: {error}"


def rates_counters_and_nothing_else(dashboard: Json) -> Iterator[str]:
    for place, selector in selectors(dashboard):
        innermost = selector.steps[0].name if selector.steps else ""
        rated = innermost in {"rate", "irate", "increase"}
        if selector.name in COUNTERS and not rated:
            yield f"{place}: counter {selector.name} is not rated"
        if rated and selector.name not in COUNTERS | LIKE_A_COUNTER:
            yield f"{place}: {selector.name} is no counter"


def rates_over_the_rate_interval(dashboard: Json) -> Iterator[str]:
    # A fixed time is fine where it is what the panel is about, as in "in the last hour"; the whole
    # range ranks the series of a panel.
    for place, selector in selectors(dashboard):
        if selector.range not in {None, RATE_INTERVAL, RANGE}:
            fixed = selector.range == timedelta(hours=1) and selector.steps[0].name != "rate"
            titled = re.search(r"hour| 1 h", place) or "Every collection" in place
            if not (fixed and titled):
                yield f"{place}: {selector.name} over {selector.range}"


RULES: tuple[Rule, ...] = (
    has_an_identity,
    cannot_be_edited_in_place,
    takes_its_data_from_the_chosen_source,
    has_variables_that_work,
    is_numbered,
    fills_the_grid,
    is_ordered_in_rows,
    has_titles_of_their_own,
    says_what_to_do,
    has_units,
    tells_unknown_from_zero,
    colors_only_what_is_known,
    asks_something,
    has_what_its_kind_needs,
    parses,
    rates_counters_and_nothing_else,
    rates_over_the_rate_interval,
)
