"""What the dashboards show of four hundred sources in two clusters, and of a job without a cluster.

A real Prometheus answers, and Grafana's own packages make tables, numbers and legends of it.
"""

import time
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards.exported_json import FILES, Json, find_expressions, find_panels, load
from tests.support.monitoring.grafana import Viewer
from tests.support.monitoring.many_sources import CLUSTERS, JOB, PLAIN, SOURCES, World
from tests.support.monitoring.programs import Prometheus, create_blocks

pytestmark = pytest.mark.slow  # it makes and reads half a million samples

DASHBOARDS = {path.stem: load(path) for path in FILES}
OVERVIEW, SOURCE, EXPORTER = "sessions-overview", "sessions-source", "session-exporter"

#: How many series a panel may have: the worst twenty, and a limit for each.
MOST = 40

#: The job without labels: two sources, of which one has sessions without a known duration.
DURATIONS = {
    "sessions_daily_timed plain local": 1,
    "sessions_daily_known_duration_seconds plain local": 3300,
    "sessions_daily_ended plain local": 100,
    "sessions_daily_timed plain other": 3,
    "sessions_daily_known_duration_seconds plain other": 3300,
    "sessions_daily_ended plain other": 4,
}
#: A hundred sessions a day, of which one is lost, on one day fourteen; the last two days are not
#: settled. Of the other source no day is, because a session is orphaned after more than a day.
LEVEL = {
    "sessions_daily_started plain local": 100,
    "sessions_daily_lost plain local": 1,
    "sessions_daily_lost plain local 4": 14,
    "sessions_daily_lost plain local 0": 50,
    "sessions_daily_lost plain local 1": 50,
    "sessions_objective_ratio plain local": 0.99,
    "sessions_objective_ratio plain other": 0.99,
    "sessions_orphaned_after_seconds plain other": 90_000,
}
FACTS: dict[str, float | None] = {
    **DURATIONS,
    **LEVEL,
    # Above its threshold, below it, and unknown.
    "sessions_orphaned eu s007": 9,
    "sessions_orphaned_alert_threshold eu s007": 5,
    "sessions_orphaned us s011": 20,
    "sessions_orphaned_alert_threshold us s011": 25,
    "sessions_orphaned us s050": None,
    "session_exporter_collection_success eu s123": 0,
    "sessions_recovery_held eu s042": 7,
}

#: Queries without an answer: of two colors one is shown, all sources have a sign of life, which has
#: a limit of its own, and nothing was a week ago.
ELSEWHERE = {
    "Sessions that ended properly A",
    "Oldest active session C",
    "Started today, and a week ago B",
}
SILENT = {
    EXPORTER: set[str](),
    OVERVIEW: ELSEWHERE | {"Orphaned sessions A"},
    SOURCE: ELSEWHERE | {"Orphaned sessions B"},
}

#: What is chosen at first, and what a link chooses.
ALL = dict.fromkeys(("cluster", "namespace", "job", "database", "source"), ".*") | {"worst": "20"}
LOCAL = ALL | {"cluster": "", "namespace": "", "job": PLAIN, "database": "app", "source": "local"}
NOT_PLAIN = ALL | {"job": JOB}


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    at = int(time.time()) // 60 * 60 - 60
    blocks = create_blocks(World(at, FACTS).openmetrics(), tmp_path_factory.mktemp("many"))
    with Prometheus({}, blocks=blocks) as prometheus:
        yield Viewer(prometheus, at, 600)


def panel(uid: str, title: str) -> Json:
    (found,) = [each for each in find_panels(DASHBOARDS[uid]) if each["title"] == title]
    return found


def values_of(uid: str) -> Mapping[str, str]:
    return LOCAL if uid == SOURCE else ALL


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_no_panel_has_more_than_the_worst_series_and_each_has_some(
    viewer: Viewer, uid: str
) -> None:
    counts, silent = {}, set()
    for each in find_panels(DASHBOARDS[uid]):
        answers = viewer.answers(each, values_of(uid))
        rows = max if each["type"] == "table" else sum
        counts[each["title"]] = rows(len(answer) for answer in answers.values())
        silent |= {f"{each['title']} {ref_id}" for ref_id, found in answers.items() if not found}
    assert {title: count for title, count in counts.items() if count > MOST} == {}
    assert silent == SILENT[uid]


def test_more_are_shown_when_more_are_chosen(viewer: Viewer) -> None:
    query = panel(OVERVIEW, "Active sessions over time")["targets"][0]["expr"]
    for number in (10, 20, 100):
        chosen = ALL | {"worst": str(number)}
        assert len(viewer.ask(query, chosen, instant=False)) == number
    assert len(viewer.ask(query, ALL | {"worst": "1000"}, instant=False)) == 2 * SOURCES + 2


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_the_marks_of_four_hundred_sources_do_not_flood(viewer: Viewer, uid: str) -> None:
    for each in find_expressions(DASHBOARDS[uid]):
        if each.kind == "annotation":
            # Points that follow each other are one mark.
            found = viewer.ask(each.promql, values_of(uid), instant=False)
            assert 0 < len(found) <= 2 * len(CLUSTERS) + 1, each


def test_variables_offer_what_the_ones_before_leave(viewer: Viewer) -> None:
    def options(values: Mapping[str, str]) -> dict[str, int]:
        found = {}
        for each in find_expressions(DASHBOARDS[SOURCE]):
            if each.kind == "variable":
                series = viewer.ask(each.promql, values, instant=True)
                names = {found["metric"].get(each.label, "") for found in series}
                found[each.label] = len(names - {""})
        return found

    everywhere = options(
        ALL | {"cluster": "eu", "namespace": "calls", "job": JOB, "database": "app"}
    )
    assert everywhere == {"cluster": 2, "namespace": 1, "job": 1, "database": 1, "source": SOURCES}
    # Where the labels are absent their variables have no value, which selects just these series.
    assert options(LOCAL) == {"cluster": 2, "namespace": 0, "job": 1, "database": 1, "source": 2}


def test_the_sources_are_listed_worst_first_without_columns_of_the_scrape(viewer: Viewer) -> None:
    (shown,) = viewer.show((panel(OVERVIEW, "Sources"), ALL))
    assert shown["columns"][:5] == ["source", "database", "state", "orphaned", "threshold"]
    assert shown["columns"][-3:] == ["job", "namespace", "cluster"]
    assert not {"team", "instance", "Time", "__name__"} & set(shown["columns"])
    assert len(shown["rows"]) == 20
    rows = {(row["cluster"]["text"], row["source"]["text"]): row for row in shown["rows"]}
    assert rows["eu", "s007"]["state"]["text"] == "above"
    assert rows["us", "s050"]["orphaned"]["text"] == "unknown"
    # Each column is of the same twenty.
    assert {row["collections"]["text"] for row in shown["rows"]} <= {"fine", "failing"}


def test_a_row_links_to_its_own_source_whatever_else_has_its_name(viewer: Viewer) -> None:
    table = panel(OVERVIEW, "Sources")
    eu, plain, both = viewer.show(
        (table, ALL | {"source": "s007"}),
        (table, ALL | {"job": PLAIN}),
        (table, ALL | {"source": "s007|local", "worst": "1000"}),
    )
    for shown in (eu, plain, both):
        for row in shown["rows"]:
            url = row["source"]["link"].replace("${datasource:queryparam}", "var-datasource=x")
            query = parse_qs(urlsplit(url).query, keep_blank_values=True)
            chosen = {name.removeprefix("var-"): value for name, (value,) in query.items()}
            # What the dashboard of that source then shows is what the row says.
            of_the_row = viewer.answers(panel(SOURCE, "Active sessions"), chosen)["A"]
            assert of_the_row[0]["values"][0][1] == row["active"]["text"]
            found = viewer.ask(
                panel(SOURCE, "Active sessions over time")["targets"][0]["expr"],
                chosen,
                instant=True,
            )
            labels = {name: row.get(name, {"text": ""})["text"] for name in ("cluster", "job")}
            assert [(e["metric"].get("cluster", ""), e["metric"]["job"]) for e in found] == [
                (labels["cluster"], labels["job"])
            ]
    assert len(both["rows"]) == 3


def test_orphans_have_a_color_by_the_threshold_of_their_source(viewer: Viewer) -> None:
    stat = panel(OVERVIEW, "Orphaned sessions")
    below, above, unknown = (
        shown["values"]
        for shown in viewer.show(
            (stat, ALL | {"cluster": "us", "source": "s011"}),
            (stat, ALL | {"cluster": "eu", "source": "s007"}),
            (stat, ALL | {"cluster": "us", "source": "s050"}),
        )
    )
    assert [each["text"] for each in (*below, *above, *unknown)] == ["20", "9", "unknown"]
    colors = [each["color"] for each in (*below, *above)]
    assert colors == ["#73BF69", "#F2495C"]  # green and red
    assert unknown[0]["color"] not in colors


def test_the_average_duration_of_two_sources_is_that_of_all_their_sessions(viewer: Viewer) -> None:
    (shown,) = viewer.show((panel(OVERVIEW, "Daily statistics"), ALL | {"job": PLAIN}))
    assert shown["columns"][0] == "date"
    assert len(shown["rows"]) == 7
    # 6,600 s by 4 sessions; by the ended ones of each source it would be 3,215 s.
    assert {row["average duration"]["text"] for row in shown["rows"]} == {"27.5 mins"}
    assert [row["date"]["text"] for row in shown["rows"]] == sorted(
        (row["date"]["text"] for row in shown["rows"]), reverse=True
    )


def test_the_service_level_is_that_of_settled_days(viewer: Viewer) -> None:
    level, table, below = viewer.show(
        (panel(OVERVIEW, "Sessions that ended properly"), ALL | {"job": PLAIN}),
        (panel(OVERVIEW, "Service level by source"), ALL | {"job": PLAIN}),
        (panel(OVERVIEW, "Sources below their objective"), ALL | {"job": PLAIN}),
    )
    # Of five days 500 sessions, of which 18 were lost, where 5 may be.
    assert level["values"] == [{"title": "missed", "text": "96.40%", "color": "#F2495C"}]
    (row,) = table["rows"]
    assert [row[name]["text"] for name in ("started", "lost", "objective")] == ["500", "18", "99%"]
    assert row["ended properly"]["text"] == "96.40%"
    assert (row["budget left"]["text"], row["budget left"]["color"]) == ("-260%", "#F2495C")
    assert [(each["title"], each["text"]) for each in below["values"]] == [
        ("below", "1"),
        ("unknown", "1"),
    ]


def test_legends_name_the_source_and_its_cluster_where_there_is_one(viewer: Viewer) -> None:
    graph = panel(OVERVIEW, "Orphaned sessions and threshold")
    clustered, plain = viewer.show(
        (graph, ALL | {"source": "s007"}), (graph, ALL | {"job": PLAIN, "source": "local"})
    )
    lines = {each.strip() for each in clustered["legend"]}
    assert lines >= {"s007 app calls eu", "threshold s007 app calls us"}
    assert {each.strip() for each in plain["legend"]} == {"local app", "threshold local app"}


def test_what_waits_for_a_person_is_a_list_of_its_own(viewer: Viewer) -> None:
    (shown,) = viewer.show((panel(OVERVIEW, "Stops and held sessions"), NOT_PLAIN))
    first = shown["rows"][0]
    assert (first["source"]["text"], first["held"]["text"]) == ("s042", "7")
    assert first["why"]["text"] == "paused"


def test_clusters_are_added_up_one_by_one(viewer: Viewer) -> None:
    (shown,) = viewer.show((panel(OVERVIEW, "Clusters, namespaces and jobs"), ALL))
    rows = {row["cluster"]["text"]: row for row in shown["rows"]}
    assert set(rows) == {"eu", "us", ""}
    assert [rows[name]["sources"]["text"] for name in ("eu", "us", "")] == ["200", "200", "2"]
    assert [rows[name]["above"]["text"] for name in ("eu", "us", "")] == ["1", "0", "0"]


def test_what_fails_is_first_among_the_collections(viewer: Viewer) -> None:
    (shown,) = viewer.show((panel(EXPORTER, "Every collection"), ALL))
    assert len(shown["rows"]) == 20
    failing = [row for row in shown["rows"] if row["last run"]["text"] == "failing"]
    assert {row["source"]["text"] for row in failing} == {"s123"}
