"""From a row in a table to a page: real PostgreSQL, exporter, Prometheus, Alertmanager, webhook.

The rules and the Alertmanager config are the shipped ones, with their durations made shorter.
Three exporters, each a scrape job of its own, so that the tests do not disturb each other.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import wheel_binaries
from exporter.demo.systems.schemas import APP, EXPORTER, create_empty
from tests.support.monitoring.programs import Alertmanager, Post, Prometheus, Webhook
from tests.support.monitoring.shorter import (
    DURATION,
    FASTER,
    TIMED,
    UNTIMED,
    Rule,
    carries,
    faster_rule,
    quick_alertmanager,
    shipped_rules,
    shorter,
    write_faster_rules,
)
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    wait_for,
    write_config,
)
from tests.support.servers.fresh_databases import FreshDatabases
from tests.support.servers.quick_server import QuickServer

INTERVAL = "500ms"  # a scrape

UNCOUNTED = "SessionsUncounted"


@dataclass(frozen=True)
class Stack:
    """Everything that runs, and what each test changes."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook
    database: EmbeddedDatabase
    doomed_database: EmbeddedDatabase
    doomed_exporter: Daemon

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait long enough for a busy machine; say at the end what was known."""

        def known() -> str:
            alerts = [(each["labels"], each["state"]) for each in self.prometheus.alerts()]
            return f"{alerts}\n{self.webhook.posts()}"

        return wait_for(condition, what, every=0.2, details=known)

    def posts(self, name: str, status: str, **labels: str) -> list[Post]:
        """What the webhook was sent about one alert, to any receiver."""
        return [post for post in self.webhook.posts() if carries(post, name, status, labels)]

    def wait_for_post(self, name: str, status: str, **labels: str) -> Post:
        """Wait until the webhook was sent something about an alert, and return the first of it."""
        found: list[Post] = self.wait(
            lambda: self.posts(name, status, **labels), f"{status}: {name} {labels}"
        )
        return found[0]

    def state(self, name: str, **labels: str) -> tuple[str, set[str]]:
        """What Alertmanager makes of an alert: active or suppressed, and by which alerts."""
        alerts = {each["fingerprint"]: each for each in self.alertmanager.alerts()}
        for each in alerts.values():
            if {"alertname": name, **labels}.items() <= each["labels"].items():
                causes = (alerts[key]["labels"] for key in each["status"]["inhibitedBy"])
                return each["status"]["state"], {cause["alertname"] for cause in causes}
        return "unknown", set()

    def wait_until_held(self, name: str, by: str, **labels: str) -> None:
        """Wait until one alert holds back another."""
        held = ("suppressed", {by})
        self.wait(lambda: self.state(name, **labels) == held, f"{by} holds back {name}")

    def wait_until_unknown(self, job: str) -> None:
        """Wait until Prometheus has no number of orphaned sessions any more."""
        count = f'sessions:orphaned_count{{job="{job}"}}'
        self.wait(lambda: not self.prometheus.query(count), f"{count} is gone")


def add_orphans(database: EmbeddedDatabase, user: str, count: int) -> None:
    """Begin conversations of a user that nobody has ended for three hours."""
    with database.connect(APP) as connection:
        connection.execute(
            "INSERT INTO conversations.conversation_sessions (session_id, user_id, session_start)"
            " SELECT gen_random_uuid(), %s, now() - interval '3 hours'"
            " FROM generate_series(1, %s)",
            (user, count),
        )


def end_sessions(database: EmbeddedDatabase, user: str) -> None:
    """End all conversations of a user, as the application does."""
    with database.connect(APP) as connection:
        connection.execute(
            "UPDATE conversations.conversation_sessions"
            " SET is_active = false, session_end = now(), duration_seconds = 60"
            " WHERE user_id = %s",
            (user,),
        )


def source(user: str) -> dict[str, Any]:
    """A source of one user's conversations."""
    # Two seconds after the database has gone, so have the numbers.
    return CONVERSATIONS | {
        "where": f"user_id = '{user}'",
        "alert_above": 5,
        "stale_after": "2s",
    }


@pytest.fixture(scope="module")
def stack(
    databases_of: Callable[[int], FreshDatabases],
    fast_folder: Path | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """Orphans, five or six of each source, and three exporters in scrape jobs of any name."""
    folder = tmp_path_factory.mktemp("paging")
    rules = write_faster_rules(folder)

    with contextlib.ExitStack() as opened:
        webhook = opened.enter_context(Webhook())
        alertmanager = opened.enter_context(Alertmanager(quick_alertmanager(webhook)))
        healthy = opened.enter_context(databases_of(18).fresh())
        server = opened.enter_context(QuickServer(wheel_binaries(18), parent=fast_folder))
        doomed = create_empty(server, "doomed")

        def export(database: EmbeddedDatabase, *users: str) -> Daemon:
            settings = {"app": {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}}
            config = write_config(folder, settings, {user: source(user) for user in users})
            return opened.enter_context(Daemon(config, folder=folder))

        for database, user, count in (
            (healthy, "five", 5),
            (healthy, "six", 5),
            (doomed, "seven", 7),
            (healthy, "eight", 8),
        ):
            add_orphans(database, user, count)
        exporters = {
            "session-exporter": export(healthy, "five", "six"),
            "session-exporter-doomed-database": export(doomed, "seven"),
            "doomed": export(healthy, "eight"),
        }
        jobs = {job: [f"127.0.0.1:{daemon.port}"] for job, daemon in exporters.items()}
        prometheus = Prometheus(
            jobs,
            interval=INTERVAL,
            rules=[rules],
            external_labels={"cluster": "test"},
            alertmanager=alertmanager.address,
        )
        opened.enter_context(prometheus)
        wait_for(
            lambda: len(prometheus.query("sessions:orphaned_count >= 5")) == 4,
            "the orphans of all sources are recorded",
            every=0.2,
            details=lambda: prometheus.log,
        )
        doomed_exporter = exporters["doomed"]
        yield Stack(prometheus, alertmanager, webhook, healthy, doomed, doomed_exporter)


@pytest.mark.parametrize(
    "rule", shipped_rules(), ids=lambda rule: rule.get("alert") or rule["record"]
)
def test_every_duration_of_a_rule_is_made_shorter_and_nothing_else(rule: Rule) -> None:
    quick = faster_rule(rule)
    for before, after in ((rule["expr"], quick["expr"]), *annotations(rule, quick)):
        assert DURATION.sub("…", before) == DURATION.sub("…", after)
        assert not DURATION.search(TIMED.sub("", UNTIMED.sub("", after)))
        found = (DURATION.findall(UNTIMED.sub("", each)) for each in (before, after))
        for old, new in zip(*found, strict=True):
            assert new == shorter(old, FASTER) != "0ms"
    emptied: Rule = {"expr": "", "for": "", "keep_firing_for": "", "annotations": {}}
    assert quick | emptied == rule | emptied
    assert quick.get("for") == (shorter(rule["for"], FASTER) if "for" in rule else None)
    assert ("keep_firing_for" in quick) == ("keep_firing_for" in rule)


def annotations(rule: Rule, quick: Rule) -> list[tuple[str, str]]:
    """The queries in annotations, before and after."""
    return [
        pair
        for key, text in rule.get("annotations", {}).items()
        for pair in zip(
            re.findall(r"`([^`]*)`", text),
            re.findall(r"`([^`]*)`", quick["annotations"][key]),
            strict=True,
        )
    ]


def test_a_sixth_orphan_pages_once_and_the_end_of_the_sessions_resolves_it(stack: Stack) -> None:
    about = {"job": "session-exporter", "database": "app", "source": "six"}
    name = "SessionsOrphanedAboveThreshold"
    add_orphans(stack.database, "six", 1)
    post = stack.wait_for_post(name, "firing", **about)
    (alert,) = post.alerts
    assert post.path == "/page"
    # The pages of a database are one incident.
    assert post.body["groupLabels"] == {
        "cluster": "test",
        "job": "session-exporter",
        "database": "app",
    }
    assert alert["labels"] == {
        **about,
        "alertname": name,
        "cluster": "test",
        "severity": "critical",
    }
    annotations = alert["annotations"]
    assert "6 active sessions of six in database app are orphaned" in annotations["description"]
    assert "the threshold is 5" in annotations["description"]
    assert annotations["runbook_url"].endswith(f"/{name}.md")

    # Whose five orphans have been there for longer than the sixth one.
    assert stack.prometheus.query('sessions:orphaned_count{source="five"}')[0].value == 5
    assert not stack.posts(name, "firing", source="five")
    assert stack.state(name, source="five") == ("unknown", set())

    end_sessions(stack.database, "six")
    resolved = stack.wait_for_post(name, "resolved", **about)
    assert resolved.path == "/page"
    assert len(stack.posts(name, "firing", **about)) == 1
    assert len(stack.posts(name, "resolved", **about)) == 1


@pytest.mark.slow  # test_alerts has the page, test_alertmanager what it holds back
def test_a_dead_database_pages_as_not_counted_and_its_cause_is_a_ticket(stack: Stack) -> None:
    job = "session-exporter-doomed-database"
    orphaned, down, failing = (
        "SessionsOrphanedAboveThreshold",
        "SessionsDatabaseDown",
        "SessionsCollectionFailing",
    )
    stack.wait_for_post(orphaned, "firing", job=job, source="seven")
    stack.doomed_database.server.kill()

    ticket = stack.wait_for_post(down, "firing", job=job)
    assert ticket.path == "/tickets"
    assert ticket.alerts[0]["labels"]["database"] == "app"
    # The orphans cannot be counted any more. That resolves no page, and holds back none.
    stack.wait_until_unknown(job)
    page = stack.wait_for_post(UNCOUNTED, "firing", job=job, source="seven")
    assert page.path == "/page"
    assert stack.state(orphaned, job=job) == ("active", set())
    stack.wait_until_held(failing, down, job=job, collector="active")
    assert not stack.posts(orphaned, "resolved", job=job)
    assert not stack.posts(failing, "firing", job=job)

    stack.doomed_database.server.start()
    for name in (UNCOUNTED, down):
        stack.wait_for_post(name, "resolved", job=job)
    assert stack.state(orphaned, job=job) == ("active", set())


@pytest.mark.slow  # as above
def test_a_dead_exporter_pages_as_not_counted_and_its_page_goes_on(stack: Stack) -> None:
    job = "doomed"
    orphaned, down = "SessionsOrphanedAboveThreshold", "SessionsExporterDown"
    stack.wait_for_post(orphaned, "firing", job=job, source="eight")
    stack.doomed_exporter.process.kill()
    ticket = stack.wait_for_post(down, "firing", job=job)
    assert (ticket.path, ticket.names) == ("/tickets", [down])
    assert ticket.alerts[0]["annotations"]["runbook_url"].endswith(f"/{down}.md")
    stack.wait_until_unknown(job)
    assert stack.wait_for_post(UNCOUNTED, "firing", job=job, source="eight").path == "/page"
    assert stack.state(orphaned, job=job) == ("active", set())
    assert not stack.posts(orphaned, "resolved", job=job)


def test_only_critical_alerts_page_and_no_rule_fails(stack: Stack) -> None:
    stack.wait(lambda: stack.webhook.posts("/page"), "something pages")
    for post in stack.webhook.posts():
        severities = {each["labels"]["severity"] for each in post.alerts}
        assert severities == {
            {"/page": "critical", "/tickets": "warning", "/notes": "info"}[post.path]
        }
    assert {rule["health"] for rule in stack.prometheus.rules()} == {"ok"}, stack.prometheus.rules()
