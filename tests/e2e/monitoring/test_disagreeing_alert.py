"""Stores that disagree, from the application to a ticket: its stores, exporter, Prometheus.

The role play API runs twice, with a store per endpoint and with one for all. Each is listed by its
own pages, and by a probe, as an application without pages would be. The rules are the shipped ones
with their durations made shorter, and a real Alertmanager sends what they find to a webhook.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.demo.applications.roleplay_api.api import ENDPOINTS, PREFIX
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import APP
from tests.support.monitoring.programs import Alertmanager, Post, Prometheus, Webhook
from tests.support.monitoring.shorter import carries, quick_alertmanager, write_faster_rules
from tests.support.processes.applications import PROBE, ROLE_PLAY, Application
from tests.support.processes.session_exporter import IMPATIENT, Daemon, wait_for, write_config

pytestmark = pytest.mark.slow

ALERT = "SessionsDisagreeing"
TABLE = """
    CREATE SCHEMA plays;
    CREATE TABLE plays.plays (id text PRIMARY KEY, is_active boolean, started_at timestamptz);
    INSERT INTO plays.plays VALUES ('default', true, now()), ('synthetic', true, now());
"""
SOURCE: dict[str, Any] = {
    "table": "plays.plays",
    "active": "is_active",
    "started_at": "started_at",
    "id": "id",
    "orphaned_after": "30m",
    "every": "250ms",
    "daily": None,
}
LIST: dict[str, Any] = {
    "stores": "all",
    "started_at": "createdAt",
    "last_seen_at": "lastMessageAt",
    "every": "250ms",
    "timeout": "1s",
}
#: By source: which application it is about, and the id of the session that it follows. The pages
#: of the application list what the probe starts as well, for a moment.
SOURCES = {
    "split_pages": ("split", "default"),
    "split_probe": ("split", "synthetic"),
    "shared_pages": ("shared", "default"),
    "shared_probe": ("shared", "synthetic"),
}
SPLIT = [name for name, (application, _) in SOURCES.items() if application == "split"]
SHARED = [name for name in SOURCES if name not in SPLIT]


def start_play(api: Application) -> None:
    httpx.post(f"{api.url}{PREFIX}/start").raise_for_status()


@contextlib.contextmanager
def watching(database: EmbeddedDatabase, folder: Path, urls: dict[str, str]) -> Iterator[Daemon]:
    """The exporter with a source for each list; `urls` are by source, without the endpoint."""
    with database.connect(APP) as connection:
        connection.execute(TABLE)
    sources, lists = {}, {}
    for name, (_, session) in SOURCES.items():
        sources[name] = SOURCE | {"list": name, "where": f"id = '{session}'"}
        stores = {endpoint: urls[name].format(endpoint) for endpoint in ENDPOINTS}
        lists[name] = LIST | {"urls": stores, "filter": f"id == '{session}'"}
    app = {"dsn": database.dsn, **IMPATIENT}
    config = write_config(folder, {"app": app}, sources, lists=lists)
    with Daemon(config, folder=folder) as daemon:
        yield daemon


def test_a_store_per_endpoint_raises_an_alert_until_they_share_one_and_a_shared_one_never(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as opened:
        webhook = opened.enter_context(Webhook())
        alertmanager = opened.enter_context(Alertmanager(quick_alertmanager(webhook)))
        shared = opened.enter_context(Application(ROLE_PLAY, folder=tmp_path))
        split = Application(ROLE_PLAY, "--store-each", folder=tmp_path)
        repaired = opened.enter_context(contextlib.ExitStack())
        faulty = opened.enter_context(contextlib.ExitStack())
        faulty.enter_context(split)
        port = split.port
        urls = {}
        for name, api in (("split", split), ("shared", shared)):
            start_play(api)
            words = ("--url", api.url, "--every", 0.2)
            probe = opened.enter_context(Application(PROBE, *words, folder=tmp_path))
            urls[f"{name}_pages"] = f"{api.url}{PREFIX}/{{}}/live"
            urls[f"{name}_probe"] = f"{probe.url}/{{}}"
        daemon = opened.enter_context(watching(database, tmp_path, urls))
        prometheus = opened.enter_context(
            Prometheus(
                {"session-exporter": [f"127.0.0.1:{daemon.port}"]},
                interval="500ms",
                rules=[write_faster_rules(tmp_path)],
                external_labels={"cluster": "test"},
                alertmanager=alertmanager.address,
            )
        )

        def posts(status: str, source: str) -> list[Post]:
            labels = {"database": "app", "source": source}
            return [each for each in webhook.posts() if carries(each, ALERT, status, labels)]

        def known() -> str:
            page = daemon.get("/metrics").text.splitlines()
            lines = [each for each in page if each.startswith("sessions_disagreeing")]
            return f"{lines}\n{prometheus.alerts()}\n{webhook.posts()}\n{daemon.log}"

        def wait_for_posts(status: str) -> None:
            def all_there() -> bool:
                return all(posts(status, name) for name in SPLIT)

            wait_for(all_there, f"{status}: {SPLIT}", every=0.2, details=known)

        def sources_that_disagreed() -> dict[str, float]:
            found = prometheus.query("max_over_time(sessions_disagreeing[10m])")
            return {each.labels["source"]: each.value for each in found}

        wait_for_posts("firing")
        post = posts("firing", "split_pages")[0]
        assert post.path == "/tickets"
        (alert,) = [each for each in post.alerts if each["labels"]["source"] == "split_pages"]
        assert alert["labels"]["alertname"] == ALERT
        assert alert["labels"]["severity"] == "warning"
        text = alert["annotations"]["description"]
        assert "one store holds and another lacks: 1." in text
        assert "Live by store: end 0, respond 0, session 0, start 1." in text
        assert alert["annotations"]["runbook_url"].endswith(f"/{ALERT}.md")
        expected = dict.fromkeys(SPLIT, 1.0) | dict.fromkeys(SHARED, 0.0)
        assert sources_that_disagreed() == expected
        assert not any(posts("resolved", name) for name in SOURCES)

        # The repaired application is deployed at the same address.
        faulty.close()
        start_play(repaired.enter_context(Application(ROLE_PLAY, "--port", port, folder=tmp_path)))
        wait_for_posts("resolved")
        agree = dict.fromkeys(SOURCES, 0.0)
        page = daemon.scrape()
        values = {name: page.value("sessions_disagreeing", source=name) for name in SOURCES}
        assert values == agree
        assert sources_that_disagreed() == expected
        assert [name for name in SHARED if posts("firing", name)] == []
