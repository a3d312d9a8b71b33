"""The API of an exporter in this process, and one that has something of everything to show."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from exporter.config import load_config
from exporter.daemon.app import Exporter
from exporter.daemon.http.access import Details
from exporter.daemon.http.access_control import AccessControl
from exporter.daemon.http.web_config import WebConfig
from exporter.daemon.machine_clock import CLOCK
from exporter.daemon.routes import application
from exporter.demo.server.databases import EmbeddedDatabase
from tests.support.servers.statements import execute

#: What a user may write into a column.
HOSTILE = (
    '</script><script>alert("x")</script>\\u001b[31m\x1b]0;x\x07{{7*7}} \u2028 \U0001f600 &amp;'
)

SOURCES = """\
databases:
  app: {dsn: "${DATABASE_URL}"}
owners:
  servers:
    unique_per_start: false
    table: {table: public.servers, id: id, seen_at: seen}
sources:
  chat:
    table: public.chat
    active: is_open
    started_at: started
    last_seen_at: seen
    ended_at: ended
    id: id
    owner: {of: server, in: servers}
    orphaned_after: 1h
    overlong_after: 6h
    alert_above: 1
    limit_per: {key: who, max: 1}
    daily: {days: 2}
    show:
      - who
      - number: s.note::int
    recovery: {mode: auto, set: {is_open: false, ended: "{end}"}}
  calm:
    table: public.calm
    active: is_open
    started_at: started
    orphaned_after: 1h
"""

TABLES = f"""\
CREATE TABLE public.servers (id text, seen timestamptz);
INSERT INTO public.servers VALUES ('alive', now());
CREATE TABLE public.calm (is_open bool, started timestamptz);
CREATE TABLE public.chat (
    id text PRIMARY KEY, is_open bool, started timestamptz, seen timestamptz, ended timestamptz,
    server text, who text, note text DEFAULT '1'
);
INSERT INTO public.chat VALUES
    ($hostile${HOSTILE}$hostile$, true, now() - interval '1 day', now() - interval '5 hours', NULL,
        'alive', $hostile${HOSTILE}$hostile$),
    ('a', true, now() - interval '1 day', now() - interval '3 hours', NULL, 'alive', 'eve'),
    ('b', true, now() - interval '2 hours', now() - interval '2 hours', NULL, 'gone', NULL),
    ('c', true, now() - interval '9 hours', now(), NULL, 'alive', 'mallory'),
    ('undated', true, NULL, NULL, NULL, 'alive', NULL),
    ('unended', false, now() - interval '3 hours', NULL, NULL, 'alive', NULL),
    ('done', false, now() - interval '3 hours', NULL, now() - interval '2 hours', 'alive', NULL);
INSERT INTO session_exporter.run (run, source, rule)
    VALUES ('00000000-0000-4000-8000-000000000001', 'chat', '{{}}');
INSERT INTO session_exporter.recovery
    (run, source, relation, session, trigger, evidence, before, after, row_version, reason)
    VALUES ('00000000-0000-4000-8000-000000000001', 'chat', 'public.chat', '{{x}}', 'manual',
        '{{}}', '{{}}', '{{}}', '1', $hostile${HOSTILE}$hostile$);
INSERT INTO session_exporter.pause (source, reason) VALUES ('chat', $hostile${HOSTILE}$hostile$);
"""


class Answer(NamedTuple):
    """An answer of the API; `body` is what its JSON holds, None for an empty one."""

    status: int
    headers: httpx.Headers
    text: str
    body: Any


async def ask(
    exporter: Exporter, path: str, *, method: str = "GET", details: Details | None = None
) -> Answer:
    """Send one request, as an authenticated one where `details` is EVERYONE."""
    app = AccessControl(
        application(lambda: exporter),
        details=details or exporter.details,
        web=WebConfig(),
        http=exporter.http,
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://exporter"
    ) as client:
        answer = await client.request(method, f"/api/v1/{path}")
    text = answer.text
    is_json = answer.headers["content-type"] == "application/json"
    return Answer(
        answer.status_code, answer.headers, text, json.loads(text) if text and is_json else None
    )


@asynccontextmanager
async def busy_exporter(
    database: EmbeddedDatabase, folder: Path, details: Details = Details.EVERYONE
) -> AsyncIterator[Exporter]:
    """One with orphans, contradictions, a pause, a run of recovery: all ran once."""
    execute(database, TABLES)
    path = folder / "config.yaml"
    path.write_text(SOURCES, encoding="utf-8")
    exporter = Exporter(load_config(path, {"DATABASE_URL": database.dsn}), CLOCK, details)
    exporter.command_prefix = "kubectl exec deploy/session-exporter --"
    try:
        await exporter.collect_once()
        for job in exporter.jobs:
            await job.run()
        yield exporter
    finally:
        await exporter.close()
