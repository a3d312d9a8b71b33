"""Every expression of the dashboards, asked of a real Prometheus that scrapes real exporters.

Two exporters with slightly different configs watch the demo's four tables, a standby, a table that
is not as declared, and a database that is not there; a third target does not answer. Both recover a
table in which one session after the other is orphaned, and cannot recover others; the two stores of
a list disagree. So the panels that show trouble have trouble to show. Then the exporters end, and
all is asked about that moment.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.exported_json import (
    FILES,
    Expression,
    find_expressions,
    find_panels,
    load,
    substitute_variables,
)
from exporter.config import load_config
from exporter.demo import history
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import APP, EXPORTER, create_empty
from exporter.recovery.audit.installation import audit_script
from tests.support.monitoring.programs import Prometheus, Sample, create_blocks
from tests.support.monitoring.promql import RULES
from tests.support.network.answering import Answering, serving
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    wait_for,
    write_config,
)
from tests.support.recovery.automatic.trust import trust
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.standby import PRIMARY_SETTINGS, Standby

#: `make test` parses them all, in tests/content/dashboards.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
JOB = "session-exporter"
NOBODY = "127.0.0.1:1"  # a port where nothing listens
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
WEEK = 7 * 86400
SCRAPED_WITHIN = 1  # seconds

#: As often as Prometheus reads what was collected.
QUICK = {"every": "1s", "daily": {"days": 7, "every": "1s", "timeout": "1s"}}

#: A source of a table that is not there. A dot in a name is special in a pattern.
BROKEN = "not.there"

#: Which source a panel about one source is asked about: the first that has an answer will do.
CHOICES = (
    {"database": "app", "source": "training"},  # has everything that can be declared
    {"database": "app", "source": "conversations"},  # above its threshold
    {"database": "app", "source": BROKEN},  # fails
    {"database": "gone", "source": "unreachable"},  # is not even tried all the time
    {"database": "live", "source": "calls"},  # is recovered
    {"database": "live", "source": "tight"},  # may not be recovered more than once an hour
    {"database": "live", "source": "unfit"},  # cannot be recovered
    {"database": "live", "source": "tried"},  # is not recovered yet
    {"database": "live", "source": "listed"},  # has a list with two stores that differ
)

#: The scrapes here add no label for a cluster or a namespace.
PLACE = {"cluster": "", "namespace": "", "job": JOB}
VALUES = {"cluster": ".*", "namespace": ".*", "source": ".*", "worst": "20"}

DASHBOARDS = {path.stem: load(path) for path in FILES}
EXPRESSIONS = [each for dashboard in DASHBOARDS.values() for each in find_expressions(dashboard)]


@dataclass(frozen=True, slots=True)
class Watched:
    """What is asked, and when, and what an exporter's page said when everything was collected."""

    prometheus: Prometheus
    page: Page
    at: float

    def answer(self, expression: Expression, values: dict[str, str]) -> list[Any]:
        """Ask as Grafana would, with these values of the dashboard's variables."""
        taken = {**VALUES, **values, "__rate_interval": "20s", "__range": "20s"}
        asked = substitute_variables(expression.promql, taken)
        if expression.kind == "variable":
            return list(self.prometheus.label_values(expression.label, asked))
        if expression.kind == "instant":
            return list(self.prometheus.query(asked, at=self.at))
        return list(self.prometheus.query_range(asked, start=self.at - 20, end=self.at, step=1))


def sources() -> dict[str, dict[str, Any]]:
    """The documented example, collected often; and sources in trouble."""
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    declared = yaml.safe_load(text)["sources"]
    watched = {name: {**keys, **QUICK, "database": "app"} for name, keys in declared.items()}
    watched["training"]["limit_per"] = {"key": "userId", "max": 1}
    watched["training"]["objective"] = "99.9%"
    plain = {**CONVERSATIONS, **QUICK, "daily": None}
    watched[BROKEN] = {**plain, "database": "app", "table": "public.not_there"}
    watched["unreachable"] = {**plain, "database": "gone"}
    watched["copied"] = {**plain, "database": "copy"}
    return watched


#: What is recovered. For ten minutes a session a second has been orphaned for half an
#: hour, after which it has settled; and one is alive, or all of them would be silent.
LIVE_TABLES = """
CREATE TABLE {name} (
    id integer PRIMARY KEY, started timestamptz, seen timestamptz, ended timestamptz
);
INSERT INTO {name}
SELECT number, now() - interval '2 hours',
    now() - interval '90 minutes' + number * interval '1 s'
FROM generate_series(1, 600) AS number;
INSERT INTO {name} VALUES (0, now() - interval '2 hours', now());
GRANT SELECT ON {name} TO {reader}
"""


def live_sources(dsn: str) -> dict[str, dict[str, Any]]:
    """Sources of which recovery closes something, may not, cannot, or only says what it would."""
    recovery: dict[str, Any] = {
        "mode": "auto",
        "dsn": dsn,
        "set": {"ended": "{end}"},
        "grace": "1s",
    }
    recovery |= {"max_share": "100%", "max_count": 10_000}  # they are one wave
    source = {
        "database": "live",
        "table": "public.calls",
        "active": "s.ended IS NULL",
        "started_at": "started",
        "last_seen_at": "seen",
        "id": "id",
        "orphaned_after": "1h",
        "every": "1s",
        "stale_after": "60s",
        "daily": None,
    }
    return {
        "calls": source | {"recovery": recovery},
        "tight": source | {"table": "public.tight", "recovery": recovery | {"per_hour": 1}},
        "unfit": source | {"recovery": recovery | {"set": {"not_there": "{end}"}}},
        "halted": source | {"recovery": recovery},  # somebody has paused it
        "tried": source | {"recovery": recovery | {"mode": "dry_run", "grace": "1h"}},
        "listed": source | {"table": "public.tight", "list": "stores"},
    }


#: What the two stores of a list hold: most ids of the table, and one that it lacks.
STORES: dict[str, object] = {
    "start": [{"id": str(number)} for number in range(100, 601)],
    "end": [{"id": str(number)} for number in range(101, 602)],
}


def lists_of(server: Answering) -> dict[str, Any]:
    """A list with both stores, each of which should hold every session."""
    urls = {name: server.url(f"/{name}") for name in STORES}
    return {"stores": {"urls": urls, "stores": "all", "every": "1s"}}


def create_live(database: EmbeddedDatabase) -> None:
    """Make the tables that are recovered, and the one in which that is written down."""
    with database.connect(APP) as connection:
        connection.execute(audit_script().encode())
        for name in ("calls", "tight"):
            connection.execute(LIVE_TABLES.format(name=name, reader=EXPORTER).encode())
        # Who may not read what was recovered does not know which sessions the application ended.
        connection.execute(f"GRANT USAGE ON SCHEMA session_exporter TO {EXPORTER}".encode())
        tables = "ALL TABLES IN SCHEMA session_exporter"
        connection.execute(f"GRANT SELECT ON {tables} TO {EXPORTER}".encode())
        connection.execute("INSERT INTO session_exporter.pause (source) VALUES ('halted')")


def trust_live(path: Path, database: EmbeddedDatabase) -> None:
    """Let automatic recovery close at once what it finds, as if it had observed it for long."""
    config = load_config(path, {})
    for name in ("calls", "tight", "halted"):
        source = config.sources[name]
        settings = config.databases[source.databases[0]]
        own = settings.model_copy(update={"dsn": database.dsn_for(APP)})
        asyncio.run(trust(own, source))


def contradict(database: EmbeddedDatabase) -> None:
    """Let one session that was recovered be seen again."""
    with database.connect(APP) as connection:
        connection.execute(
            "UPDATE calls SET seen = now() WHERE id = ("
            " SELECT min(a.session[1]::integer) FROM session_exporter.recovery AS a"
            " WHERE a.source = 'calls')"
        )


def rules_without_delay(folder: Path) -> Path:
    """The rules as they are installed, but that nothing has to hold for minutes."""
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    path = folder / "rules.yml"
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    return path


def a_week_before(page: str, instance: str) -> str:
    """The samples about sessions of a page in OpenMetrics, as if read a week before."""
    now = time.time() - WEEK
    lines = []
    for name, labels, value in re.findall(r"^(sessions_\w+)\{(.*)\} (\S+)$", page, re.MULTILINE):
        target = f'job="{JOB}",instance="{instance}"'
        lines += [f"{name}{{{labels},{target}}} {value} {now + age}" for age in (-240, 0, 240)]
    return "\n".join([*lines, "# EOF\n"])


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, fast_folder: Path | None
) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("dashboards")
    with ExitStack() as stack, ExitStack() as exporting:
        server = QuickServer(wheel_binaries(18), settings=PRIMARY_SETTINGS, parent=fast_folder)
        exporting.enter_context(server)
        stores = exporting.enter_context(serving(**STORES))
        database = create_empty(server, "watched")
        with database.connect(APP) as connection:
            (row,) = connection.execute("SELECT now()").fetchall()
            history.fill(connection, row[0])
        create_live(database)
        standby = exporting.enter_context(Standby(server, parent=fast_folder))
        standby.wait_until_it_follows()
        dsns = {
            "app": database.dsn_for(EXPORTER),
            "copy": EmbeddedDatabase(standby, database.name).dsn_for(EXPORTER),
            "gone": f"postgresql://nobody@{NOBODY}/nothing",
            "live": database.dsn_for(EXPORTER),
        }
        databases = {name: {"dsn": dsn, **IMPATIENT} for name, dsn in dsns.items()}
        replicas = []
        for stale_after in ("60s", "61s"):  # the two configs differ, and nothing else does
            declared = sources() | live_sources(database.dsn_for(APP))
            declared["copied"]["stale_after"] = stale_after
            config = write_config(folder, databases, declared)
            settings = yaml.safe_load(config.read_text(encoding="utf-8"))
            config.write_text(yaml.safe_dump(settings | {"lists": lists_of(stores)}), "utf-8")
            trust_live(config, database)
            replicas.append(exporting.enter_context(Daemon(config, folder=folder)))
        for each in replicas:
            page = each.wait_until_ready()
        instances = [f"127.0.0.1:{each.port}" for each in replicas]
        past = a_week_before(replicas[0].get("/metrics", accept=OPENMETRICS).text, instances[0])
        prometheus = Prometheus(
            {JOB: [*instances, NOBODY]},
            rules=[rules_without_delay(folder)],
            blocks=create_blocks(past, folder),
        )
        stack.enter_context(prometheus)
        scraped = "min(sessions_recovered_total) and max(sessions_recovered_total) > 0"
        wait_for(
            lambda: prometheus.query(scraped),
            "some are recovered",
            every=0.5,
            details=lambda: replicas[0].log,
        )
        contradict(database)
        wait_for(
            lambda: not missing(prometheus),
            "alerts fire",
            seconds=180,  # on a busy machine
            every=0.5,
            details=lambda: f"{missing(prometheus)}\n{replicas[0].log}{prometheus.log}",
        )
        firing_at = time.time()

        def counted() -> Watched | None:
            # Scrapes of that time have ended: what is answered about it changes no more.
            asked = Watched(prometheus, page, time.time() - 2 * SCRAPED_WITHIN)
            return asked if asked.at > firing_at and has_counted(asked) else None

        found = wait_for(
            counted,
            "some are skipped, and one is one",
            every=0.5,
            details=lambda: f"{replicas[0].log}{prometheus.log}",
        )
        exporting.close()
        yield found


def missing(prometheus: Prometheus) -> set[str]:
    """Which pages and tickets are not out yet, and which counters were not seen to rise."""
    found = [each["labels"] for each in prometheus.alerts(state="firing")]
    out = {each.get("source") for each in found} | {each["alertname"] for each in found}
    rising = (
        "session_exporter_collection_errors_total",
        "session_exporter_collection_skipped_total",
        "sessions_recovered_total",
        "sessions_recovery_failed_total",
        "sessions_recovery_skipped_total",
    )
    alerts = {"SessionsRecoveryContradicted", "SessionsDisagreeing", "SessionsUncounted"}
    expected = {"conversations", BROKEN, *alerts, *rising}
    risen = {name for name in rising if prometheus.query(f"max(increase({name}[20s])) > 0")}
    return expected - out - risen


def has_counted(watched: Watched) -> bool:
    """Whether enough samples tell what recovery did: of few, increase() makes none, or too much."""
    contradicted = number(watched, "sessions-source", "Contradicted in the last hour", RECOVERED)
    return recovery_by_source(watched)["tight"]["G"] > 0 and round(contradicted) == 1


@pytest.fixture(scope="module")
def choices(watched: Watched) -> dict[str, list[dict[str, str]]]:
    """Values for each dashboard's variables: one source after the other, or all that it lists."""
    found = {}
    for uid in DASHBOARDS:
        if uid == "sessions-source":
            found[uid] = [PLACE | each for each in CHOICES]
            continue
        values: dict[str, str] = {}
        for each in (each for each in EXPRESSIONS if each.dashboard == uid):
            if each.kind == "variable" and (listed := watched.answer(each, values)):
                values[each.label] = f"({'|'.join(listed)})"
        found[uid] = [values]
    return found


#: What is not asked here, by a part of its expression; test_dashboards_at_scale.py does.
LEFT_OUT = {
    'trigger="manual"': "nobody recovers by hand",
    ") unless count(": "each choice has too many orphans",
}


def skip_what_is_left_out(promql: str) -> None:
    for part, why in LEFT_OUT.items():
        if part in promql:
            pytest.skip(why)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_every_expression_returns_data(
    watched: Watched, choices: dict[str, list[dict[str, str]]], expression: Expression
) -> None:
    skip_what_is_left_out(expression.promql)
    if expression.label in {"cluster", "namespace"}:
        pytest.skip("no scrape adds that label here")
    assert any(watched.answer(expression, values) for values in choices[expression.dashboard])


def panel(uid: str, title: str) -> dict[str, Any]:
    (found,) = [each for each in find_panels(DASHBOARDS[uid]) if each["title"] == title]
    return found


def answers(
    watched: Watched, uid: str, title: str, values: dict[str, str]
) -> dict[str, list[Sample]]:
    """What each query of a panel is answered."""
    return {
        target["refId"]: watched.answer(Expression(uid, title, target["expr"], "instant"), values)
        for target in panel(uid, title)["targets"]
    }


def merged(answered: dict[str, list[Sample]]) -> list[dict[str, Any]]:
    """What Grafana's transformation `merge` makes of a table's queries: rows of labels and values.

    It joins a row to the first one that does not contradict it in any field that both have.
    """
    rows: list[dict[str, Any]] = []
    for ref_id, samples in answered.items():
        for sample in samples:
            new = {**sample.labels, ref_id: sample.value}
            for row in rows:
                if all(row.get(name, value) == value for name, value in new.items()):
                    row.update(new)
                    break
            else:
                rows.append(new)
    return rows


ALL = {"job": JOB, "database": "(app|copy|gone)"}
ONE = PLACE | {"database": "app", "source": "training"}
RECOVERED = PLACE | {"database": "live", "source": "calls"}
TABLES = [
    (uid, each["title"])
    for uid, dashboard in DASHBOARDS.items()
    for each in find_panels(dashboard)
    if len(each["targets"]) > 1 and each["type"] in {"table", "barchart"}
]


@pytest.mark.parametrize(("uid", "title"), TABLES)
def test_the_queries_of_a_table_join_into_one_row_for_each_thing(
    watched: Watched, uid: str, title: str
) -> None:
    skip_what_is_left_out("".join(each["expr"] for each in panel(uid, title)["targets"]))
    everything = ALL | {"database": ".+"}
    answered = answers(watched, uid, title, ONE if uid == "sessions-source" else everything)
    longest = max(answered.values(), key=len)
    rows = merged(answered)
    assert len(rows) == len(longest)
    assert any(set(answered) <= set(row) for row in rows)
    # The column that is left when no other has an answer is there in all of them.
    names = panel(uid, title)["transformations"][1]["options"]["renameByName"]
    (lasting,) = [each for each in names if names[each] == names["Value"] and each != "Value"]
    assert all(lasting.removeprefix("Value #") in row for row in rows)


def test_the_table_of_sources_has_every_source_also_those_that_fail(watched: Watched) -> None:
    rows = merged(answers(watched, "sessions-overview", "Sources", ALL))
    found = {row["source"]: row for row in rows}
    assert set(found) == set(sources())
    assert found["conversations"]["A"] == 1  # above its threshold
    assert found["conversations"]["B"] == 18
    assert found["training"]["K"] > 0  # blocked users
    assert "K" not in found["conversations"]  # declares no limit, and that is not 0
    assert "B" not in found[BROKEN]  # unknown, and not 0
    assert found[BROKEN]["I"] == 0  # its collections fail
    assert found["unreachable"]["I"] == 0


def test_daily_statistics_are_one_row_for_each_day(watched: Watched) -> None:
    skip_what_is_left_out(panel("sessions-source", "Daily statistics")["targets"][0]["expr"])
    values = PLACE | {"database": "app", "source": "conversations"}
    found = merged(answers(watched, "sessions-source", "Daily statistics", values))
    days = {row["date"]: row for row in found}
    assert len(found) == len(days) == 7
    page = watched.page
    for days_ago, day in enumerate(sorted(days, reverse=True)):
        labels = {"source": "conversations", "days_ago": str(days_ago)}
        assert days[day]["A"] == page.value("sessions_daily_started", **labels)
        timed = page.value("sessions_daily_timed", **labels)
        known = page.value("sessions_daily_known_duration_seconds", **labels)
        average = known / timed if timed and known is not None else None
        assert days[day].get("F") == (average and pytest.approx(average))


def number(watched: Watched, uid: str, title: str, values: dict[str, str] = ALL) -> float:
    """What a panel with one value shows; of several queries, the first that has an answer."""
    (sample,) = next(filter(None, answers(watched, uid, title, values).values()))
    return sample.value


def orphaned_then(watched: Watched) -> list[float]:
    """The orphans of each source of which the number stays as it was."""
    names = ("app", "copy", "gone")
    return [
        each for name in names for each in watched.page.values("sessions_orphaned", database=name)
    ]


def test_two_exporters_are_counted_once(watched: Watched) -> None:
    orphaned = sum(orphaned_then(watched))
    assert number(watched, "sessions-overview", "Orphaned sessions") == orphaned
    assert number(watched, "session-exporter", "Databases down") == 1


def test_what_is_wrong_is_counted(watched: Watched) -> None:
    above = answers(watched, "sessions-overview", "Sources above threshold", ALL)
    assert above["A"][0].value >= 1
    counted = len(orphaned_then(watched))
    assert above["B"][0].value == len(sources()) - counted == 2  # nobody knows about these
    health = answers(watched, "sessions-overview", "Collections and exporters", ALL)
    assert health["A"][0].value >= 2
    assert health["B"][0].value == 1
    assert number(watched, "session-exporter", "Exporters down") == 1
    assert number(watched, "session-exporter", "Configs in use") == 2


def test_alerts_of_a_source_are_found_also_with_a_dot_in_its_name(watched: Watched) -> None:
    values = PLACE | {"database": "app", "source": BROKEN}
    found = answers(watched, "sessions-source", "Firing alerts", values)["A"]
    of_the_source = [each.labels for each in found if "source" in each.labels]
    assert {each["source"] for each in of_the_source} == {BROKEN}
    assert {each["severity"] for each in of_the_source} <= {"1", "2", "3"}  # and sorted by that


def test_age_has_the_limit_of_orphans_only_where_nothing_else_makes_one(watched: Watched) -> None:
    found = answers(watched, "sessions-overview", "Oldest active session", ALL)["C"]
    declared = {name for name, keys in sources().items() if "last_seen_at" not in keys}
    counted = {name for name in sources() if name not in {BROKEN, "unreachable"}}
    assert {each.labels["source"] for each in found} == declared & counted != set()


def test_a_week_ago_is_what_was_counted_then(watched: Watched) -> None:
    answered = answers(watched, "sessions-source", "Started today, and a week ago", ONE)
    started = watched.page.value("sessions_today_started", source="training")
    assert [sample.value for sample in answered["B"]] == [started]


def test_the_number_of_alerts_is_counted_with_the_rules_and_unknown_without_them(
    watched: Watched,
) -> None:
    assert number(watched, "sessions-overview", "Alerts") >= 1
    alerts = panel("sessions-overview", "Alerts")["targets"][0]["expr"]
    asked = substitute_variables(alerts, VALUES | ALL)
    # Last week sessions were counted, and no rule was evaluated.
    then = time.time() - WEEK
    assert watched.prometheus.query("sessions_orphaned", at=then)
    assert watched.prometheus.query(asked, at=then) == []


def recovery_by_source(watched: Watched) -> dict[str, dict[str, Any]]:
    title = "Recovery by source, and what it did in the last hour"
    values = ALL | {"database": "(app|live)"}
    rows = merged(answers(watched, "sessions-overview", title, values))
    return {row["source"]: row for row in rows}


def test_the_table_of_recovery_says_what_happens_in_each_source(watched: Watched) -> None:
    found = recovery_by_source(watched)
    names = ("calls", "tight", "unfit", "halted", "tried", "training")
    modes = {name: found[name]["A"] for name in names}
    assert modes == {"calls": 2, "tight": 2, "unfit": 2, "halted": 3, "tried": 1, "training": 0}
    assert found["calls"]["E"] > 0  # recovered
    assert found["tight"]["G"] > 0  # skipped
    assert found["unfit"]["F"] > 0  # failed
    assert found["tried"]["D"] >= 1  # grace, and returned: calls closes what it watches
    assert "B" not in found["training"]  # candidates: nobody looks, and that is not 0


def test_two_exporters_recover_and_what_they_did_is_counted_once(watched: Watched) -> None:
    # Of two that are added up it would stay 2.
    contradicted = number(watched, "sessions-source", "Contradicted in the last hour", RECOVERED)
    assert round(contradicted) == 1


def test_recoveries_are_marked_where_they_happened(watched: Watched) -> None:
    (mark,) = [
        each
        for each in EXPRESSIONS
        if (each.dashboard, each.place) == ("sessions-source", "annotation Recoveries")
    ]
    series = watched.answer(mark, RECOVERED)
    assert {each.labels["source"] for each in series} == {"calls"}
    assert {each.labels["trigger"] for each in series} == {"auto"}
