"""The dashboards are what the code makes, answer the operator's questions, and lead somewhere."""

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from dashboards.__main__ import FOLDER, build_pages
from dashboards.export import format_json
from dashboards.exported_json import (
    FILES,
    Json,
    find_panels,
    find_variables,
    keep_known_fields,
    load,
    substitute_variables,
)
from dashboards.layout import LayoutError, Row, place
from dashboards.links import OVERVIEW, RUNBOOKS, SOURCE, TITLES
from dashboards.panels.graphs import build_graph
from dashboards.panels.text import PanelText
from dashboards.queries import SOURCE_KEYS, Query
from exporter.content.options import ContentOptions
from exporter.content.rules import write_rules
from tests.support.monitoring.promql import selectors
from tests.support.monitoring.rule_cases import RULES

ROOT = Path(__file__).parents[3]
DASHBOARDS = {path.stem: load(path) for path in FILES}
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}

#: Alert -> the dashboard to which its link leads, where there is a Grafana.
LED_TO = {
    rule["alert"]: urlsplit(rule["annotations"]["dashboard_url"]).path.removeprefix("/d/")
    for group in yaml.safe_load(write_rules(ContentOptions(grafana_url="https://grafana")))[
        "groups"
    ]
    for rule in group["rules"]
    if "alert" in rule
}

#: What fits on a screen of 1080 lines, below Grafana's own bars: 22 units of 38 pixels.
FIRST_SCREEN = 22

each_dashboard = pytest.mark.parametrize("uid", DASHBOARDS)


def named(uid: str, title: str) -> Json:
    (found,) = [each for each in find_panels(DASHBOARDS[uid]) if each["title"] == title]
    return found


def rows(uid: str) -> list[str]:
    return [each["title"] for each in DASHBOARDS[uid]["panels"] if each["type"] == "row"]


def organized(panel: Json) -> Json:
    """The options of the transformation that names and orders the columns of a table."""
    (found,) = [each["options"] for each in panel["transformations"] if each["id"] == "organize"]
    return dict(found)


def data_links(panel: Json) -> dict[str, str]:
    """Column -> the address that its cells lead to."""
    return {
        override["matcher"]["options"]: link["url"]
        for override in panel["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    }


def test_what_is_committed_is_what_the_code_makes() -> None:
    made = {f"{page.uid}.json": format_json(page) for page in build_pages()}
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert sorted(committed) == sorted(made)
    for name, content in made.items():
        assert committed[name] == content, f"{name} is old: make dashboards"


def test_another_run_makes_the_same_and_the_sdk_warns_of_nothing() -> None:
    code = "from dashboards import __main__, export; import sys\n"
    code += "sys.stdout.write(''.join(map(export.format_json, __main__.build_pages())))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "11", "PATH": os.defpath, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(map(format_json, build_pages()))


def test_files_are_called_after_their_uid_and_end_in_a_newline() -> None:
    assert {path.stem: load(path)["title"] for path in FILES} == TITLES
    for path in FILES:
        content = path.read_text(encoding="utf-8")
        assert load(path)["uid"] == path.stem
        assert content.endswith("}\n")
        assert content == json.dumps(json.loads(content), indent=2, ensure_ascii=False) + "\n"


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What of one JSON value is not in another."""
    if isinstance(before, dict):
        for key, value in before.items():
            if key not in after:
                yield f"{path}/{key}"
            else:
                yield from lost(value, after[key], f"{path}/{key}")
    elif isinstance(before, list):
        for each, other in zip(before, after, strict=True):
            yield from lost(each, other, path)
    elif before != after:
        yield path


@each_dashboard
def test_grafanas_own_schema_knows_every_key(uid: str) -> None:
    # The SDK is generated from that schema: it drops a key that it does not know.
    assert set(lost(DASHBOARDS[uid], keep_known_fields(DASHBOARDS[uid]))) == {
        "/id"
    }  # null: left out
    spoiled = copy.deepcopy(DASHBOARDS[uid])
    spoiled["panels"][1]["options"]["colourMode"] = "value"
    spoiled["panels"][1]["fieldConfig"]["defaults"]["noVal"] = "unknown"
    unknown = {path.rpartition("/")[2] for path in lost(spoiled, keep_known_fields(spoiled))}
    assert unknown == {"id", "colourMode", "noVal"}


def test_the_three_fit_into_one_config_map() -> None:
    assert sum(path.stat().st_size for path in FILES) < 1024 * 1024


def test_rows_are_the_operators_questions_in_order() -> None:
    last = "Can the data be trusted?"
    days = "What do the last days look like?"
    first = "Is something wrong now?"
    level = "Is the service level met?"
    stops, recovery = "What waits for a person?", "Is recovery working?"
    evidence = "What does the evidence say?"
    common = [level, "How old are they?", days, evidence, stops, recovery, last]
    overview = [first, "Which source, since when?", *common]
    assert rows(OVERVIEW) == overview
    source = [each for each in rows(SOURCE) if each.endswith("?")]
    assert source == [first, "Since when?", *common]


@each_dashboard
def test_variables_choose_the_place_of_a_source_also_where_a_label_is_absent(uid: str) -> None:
    variables = {each["name"]: each for each in DASHBOARDS[uid]["templating"]["list"]}
    names = ["cluster", "namespace", "job", "database", "source"]
    assert [name for name in variables if name in names] == names[: 4 + (uid != "session-exporter")]
    several = uid != SOURCE
    for name in set(names) & set(variables):
        # Grafana puts `.*` for all, which matches a label that is absent; and nothing for none.
        assert variables[name].get("allValue") == (".*" if several else None)
        assert variables[name]["multi"] == variables[name]["includeAll"] == several
        operator = "=~" if several else "="
        for panel in find_panels(DASHBOARDS[uid]):
            for target in panel["targets"]:
                used = set(re.findall(rf'\b{name}(=~?)"\${name}"', target["expr"]))
                assert used <= {operator}, panel["title"]
    if several:
        assert variables["worst"]["current"]["value"] == "20"


@each_dashboard
def test_the_first_screen_holds_whole_panels_and_answers_the_first_question(uid: str) -> None:
    fold = FIRST_SCREEN
    for panel in DASHBOARDS[uid]["panels"]:
        at = panel["gridPos"]
        assert at["y"] + at["h"] <= fold or at["y"] >= fold, f"{panel['title']} is cut"
    first = [each for each in DASHBOARDS[uid]["panels"] if each["gridPos"]["y"] < fold]
    assert not any(each.get("collapsed") for each in first)
    kinds = {each["type"] for each in first}
    assert {"row", "stat", "table"} <= kinds
    assert "Firing alerts" in {each["title"] for each in first}


def test_the_overviews_first_screen_names_the_source_too() -> None:
    at = named(OVERVIEW, "Sources")["gridPos"]
    assert at["y"] + at["h"] <= FIRST_SCREEN


VALUES = dict.fromkeys((*SOURCE_KEYS, "worst"), "1") | dict.fromkeys(
    ("__range", "__rate_interval"), "1m"
)


def limits(panel: Json) -> dict[str, list[str]]:
    """Metrics that are drawn dashed and red -> the properties of their lines."""
    expressions = {target["refId"]: target["expr"] for target in panel["targets"]}
    return {
        selector.name: [each["id"] for each in override["properties"]]
        for override in panel["fieldConfig"]["overrides"]
        if {"custom.lineStyle", "color"} <= {each["id"] for each in override["properties"]}
        and override["matcher"]["id"] == "byFrameRefID"
        for selector in selectors(fill(expressions[override["matcher"]["options"]]))
        # What a line is limited by, without what chooses the sources of a panel.
        if "topk" not in {step.name for step in selector.steps}
        and "bottomk" not in {step.name for step in selector.steps}
    }


def fill(expression: str) -> str:
    """Put some value for each variable."""
    return substitute_variables(expression, VALUES)


@pytest.mark.parametrize("uid", [OVERVIEW, SOURCE])
def test_thresholds_are_lines_that_come_from_the_metrics(uid: str) -> None:
    orphaned = named(uid, "Orphaned sessions and threshold")
    assert set(limits(orphaned)) == {"sessions_orphaned_alert_threshold"}
    oldest = named(uid, "Oldest active session")
    after = {"sessions_orphaned_after_seconds", "sessions_overlong_after_seconds"}
    unless_silence = {"sessions_active", "sessions_active_silence_seconds_gcount"}
    assert set(limits(oldest)) == after | unless_silence
    for panel in find_panels(DASHBOARDS[uid]):
        if panel["type"] == "timeseries":
            assert "thresholds" not in panel["fieldConfig"]["defaults"]  # a number written down


@pytest.mark.parametrize("uid", [OVERVIEW, SOURCE])
def test_ages_are_a_heatmap_of_the_gauge_histogram(uid: str) -> None:
    panel = named(uid, "Active sessions by age")
    assert panel["type"] == "heatmap"
    (target,) = panel["targets"]
    assert target["expr"].startswith("sum by (le) (max without (")
    assert "sessions_active_age_seconds_bucket" in target["expr"]


@pytest.mark.parametrize("uid", [OVERVIEW, SOURCE])
def test_days_are_bars_by_date_and_a_table_with_the_newest_first(uid: str) -> None:
    bars = named(uid, "Sessions by day of their start")
    assert (bars["type"], bars["options"]["xField"]) == ("barchart", "date")
    assert bars["transformations"][-1]["options"]["sort"] == [{"field": "date", "desc": False}]
    table = named(uid, "Daily statistics")
    assert (table["type"], table["options"]["sortBy"]) == (
        "table",
        [{"displayName": "date", "desc": True}],
    )
    names = organized(table)["renameByName"]
    shown = [name for value, name in names.items() if value != "Value"]
    counted = ["started", "ended", "recovered", "lost", "still active"]
    assert shown == [*counted, "average duration"]


@each_dashboard
def test_lines_keep_jobs_clusters_and_namespaces_apart(uid: str) -> None:
    # A heatmap has one row for each bucket, and by declared label nobody knows which labels stay.
    for panel in find_panels(DASHBOARDS[uid]):
        if panel["type"] not in {"timeseries", "state-timeline"}:
            continue
        for target in panel["targets"]:
            found = selectors(fill(target["expr"]))
            steps = [step for selector in found for step in selector.steps]
            steps = [each for each in steps if each.name not in {"topk", "bottomk"}]
            assert "by" not in {step.grouping for step in steps}, panel["title"]
            dropped = {label for step in steps for label in step.labels}
            if panel["title"] != "Orphaned sessions by declared label":
                assert not dropped & {"job", "cluster", "namespace"}, panel["title"]


@each_dashboard
def test_links_inside_grafana_lead_to_a_dashboard_and_variables_that_exist(uid: str) -> None:
    found = [link["url"] for link in DASHBOARDS[uid]["links"]]
    for panel in find_panels(DASHBOARDS[uid]):
        found += data_links(panel).values()
    inside = [url for url in found if url.startswith("/")]
    assert len(inside) >= 3
    own = {each["name"] for each in DASHBOARDS[uid]["templating"]["list"]}
    for url in inside:
        target = DASHBOARDS[urlsplit(url).path.removeprefix("/d/")]
        theirs = {each["name"] for each in target["templating"]["list"]}
        named_there = {name.removeprefix("var-") for name in parse_qs(urlsplit(url).query)}
        assert {name for name in named_there if not name.startswith("${")} <= theirs
        plain = {name for name in find_variables(url) if not name.startswith("__")}
        assert plain <= own & theirs
        assert "${datasource:queryparam}" in url


@each_dashboard
def test_a_cell_leads_on_with_what_is_in_its_row(uid: str) -> None:
    for panel in find_panels(DASHBOARDS[uid]):
        for column, url in data_links(panel).items():
            shown = organized(panel)["indexByName"]
            needed = re.findall(r"\$\{__data\.fields\.(\w+)(?::percentencode)?\}", url)
            assert needed, url
            assert {column, *needed} <= set(shown), panel["title"]


def test_rows_of_tables_lead_to_sources_runbooks_and_the_exporters_page() -> None:
    names = ("source", "database", "job", "namespace", "cluster")
    query = "&".join(f"var-{name}=${{__data.fields.{name}:percentencode}}" for name in names)
    for panel in find_panels(DASHBOARDS[OVERVIEW]):
        url = data_links(panel).get("source")
        taken = "${datasource:queryparam}"
        assert url in {None, f"/d/{SOURCE}?{taken}&{query}&${{__url_time_range}}"}
    runbook = data_links(named(OVERVIEW, "Firing alerts"))["alertname"]
    assert runbook == f"{RUNBOOKS}${{__data.fields.alertname}}.md"
    for uid, title in (
        (OVERVIEW, "Exporters"),
        ("session-exporter", "Exporters"),
        (SOURCE, "Replicas that watch this source"),
    ):
        assert data_links(named(uid, title))["instance"] == "http://${__data.fields.instance}/"


def test_every_runbook_that_a_panel_links_to_exists() -> None:
    urls = {
        link["url"]
        for each in DASHBOARDS.values()
        for p in find_panels(each)
        for link in p["links"]
    }
    for url in urls:
        name = url.removeprefix(RUNBOOKS)
        assert (ROOT / "docs" / "runbooks" / name).is_file()
        assert name.removesuffix(".md") in ALERTS


def test_every_alert_leads_to_a_dashboard_with_the_variables_that_it_fills_in() -> None:
    # All labels that the alert has: of those, a dashboard takes the ones that it knows.
    for name, uid in LED_TO.items():
        known = {each["name"] for each in DASHBOARDS[uid]["templating"]["list"]}
        assert "job" in known, name
        assert uid != SOURCE or {"database", "source"} <= known, name


@each_dashboard
def test_alerts_starts_and_recoveries_are_marked_on_every_graph(uid: str) -> None:
    marked = {each["name"]: each for each in DASHBOARDS[uid]["annotations"]["list"]}
    assert 'alertstate="firing"' in marked["Alerts" if uid == SOURCE else "Pages"]["expr"]
    starts = marked["Exporter starts"]
    assert starts["useValueForTime"]
    assert starts["expr"].endswith(" * 1000")  # Grafana's times are in milliseconds
    # Of replicas that start together, and of a crash loop, one start in ten minutes.
    assert starts["expr"].startswith("max by (job, namespace, cluster) (")
    assert starts["step"] == "10m"
    assert "increase(sessions_recovered_total{" in marked["Recoveries"]["expr"]
    assert marked["Recoveries"]["expr"].endswith(" > 0")  # else there would be a mark at any time
    assert all(each["enable"] for each in marked.values())


@each_dashboard
def test_a_mark_is_written_with_labels_that_it_has(uid: str) -> None:
    # Of a label that is not there, Grafana would write the name; as a tag it leaves it out.
    always = {
        "Alerts": {"alertname", "severity"},
        "Pages": {"alertname", "severity"},
        "Exporter starts": {"job"},
        "Recoveries": {"trigger", "source", "database"} if uid == SOURCE else {"job"},
    }
    for each in DASHBOARDS[uid]["annotations"]["list"]:
        if each["name"] in always:
            written = re.findall(r"\{\{(\w+)\}\}", each["titleFormat"] + each["textFormat"])
            assert set(written) <= always[each["name"]]
            assert re.fullmatch(r"\w+(,\w+)*", each["tagKeys"])  # a space would belong to the name
    marked = {each["name"]: each for each in DASHBOARDS[uid]["annotations"]["list"]}
    tags = {"source", "database"} if uid == SOURCE else {"cluster", "namespace", "job"}
    assert tags <= set(marked["Alerts" if uid == SOURCE else "Pages"]["tagKeys"].split(","))


@each_dashboard
def test_what_pages_is_the_first_of_the_alerts_that_fire(uid: str) -> None:
    panel = named(uid, "Firing alerts")
    assert panel["options"]["sortBy"] == [{"displayName": "severity", "desc": False}]
    (ranked,) = [
        each["value"][0]["options"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == "severity"
        for each in override["properties"]
        if each["id"] == "mappings"
    ]
    texts = [ranked[rank]["text"] for rank in sorted(ranked)]
    assert texts == ["critical", "warning", "info"]
    assert set(texts) == {rule["labels"]["severity"] for rule in ALERTS.values()}
    for rank, shown in ranked.items():
        replaced = f'"severity", "{rank}", "severity", "{shown["text"]}"'
        assert replaced in panel["targets"][0]["expr"]


def test_the_exporters_dashboard_shows_the_alerts_that_lead_to_it() -> None:
    (target,) = named("session-exporter", "Firing alerts")["targets"]
    (shown,) = set(re.findall(r'alertname=~"([^"]+)"', target["expr"]))
    lead_there = {name for name, uid in LED_TO.items() if uid == "session-exporter"}
    assert {name for name in ALERTS if re.fullmatch(shown, name)} == lead_there


@pytest.mark.parametrize(
    ("uid", "title", "name"),
    [
        (OVERVIEW, "Sources above threshold", "unknown"),
        (OVERVIEW, "Collections and exporters", "failing"),
        (OVERVIEW, "Collections and exporters", "down"),
        (SOURCE, "Failing collections", "failing"),
    ],
)
def test_the_first_line_of_numbers_says_what_is_not_in_them(
    uid: str, title: str, name: str
) -> None:
    panel = named(uid, title)
    assert (panel["type"], panel["gridPos"]["y"]) == ("stat", 1)
    assert name in {target["legendFormat"] for target in panel["targets"]}


def row_of(title: str, *sizes: tuple[int, int], closed: bool = False) -> Row:
    text, query = PanelText("Some", shows="Some.", act="some."), Query("some", "up")
    panels = [build_graph(text, [query], unit="none", width=w, height=h) for w, h in sizes]
    return Row(title, panels, closed)


@pytest.mark.parametrize(
    "sizes", [[(12, 8)], [(12, 8), (16, 8)], [(12, 8), (12, 7)]], ids=["gap", "wide", "uneven"]
)
def test_a_line_that_does_not_fill_the_grid_is_an_error(sizes: list[tuple[int, int]]) -> None:
    with pytest.raises(LayoutError):
        place([row_of("Why?", *sizes)])


def test_rows_follow_each_other_and_a_closed_one_takes_one_line() -> None:
    line = ((12, 8), (12, 8))
    rows = [row_of("Open?", *line), row_of("Details", *line, closed=True), row_of("Next?", *line)]
    placed = place(rows)
    at = [(each.title, each.id_val, each.grid_pos.y) for each in placed if each.grid_pos]
    assert at == [
        ("Open?", 1, 0),
        ("Some", 2, 1),
        ("Some", 3, 1),
        ("Details", 4, 9),
        ("Next?", 7, 10),
        ("Some", 8, 11),
        ("Some", 9, 11),
    ]
