"""Rounds of evidence about one source: answers, judged, and rows collected with the verdict."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import jmespath
import yaml

from exporter import sessions
from exporter.collection.active import Active, ActiveValues
from exporter.config import Config, load_config
from exporter.config.evidence import ListSource, OwnerSource, TimePath
from exporter.evidence.answers import (
    ListAnswer,
    ListedSession,
    OwnersAnswer,
    StoreAnswer,
    Unknown,
)
from exporter.evidence.judgement.lists import ListHistory, ListState
from exporter.evidence.judgement.owners import HeldSessions, OwnerHistory, OwnersState
from exporter.evidence.judgement.source import ComparedRows, SourceEvidence
from exporter.postgres import Database, Reader


class Rounds:
    """Asks, judges and collects, once each round; the source is the only one of its config."""

    def __init__(self, folder: Path, dsn: str, config: Mapping[str, Any]) -> None:
        path = folder / "rounds.yaml"
        path.write_text(yaml.safe_dump({"databases": {"app": {"dsn": dsn}}, **config}), "utf-8")
        self.config: Config = load_config(path, {})
        (self.source,) = self.config.sources.values()
        self._owners = next(map(OwnerHistory, self.config.owners.values()), None)
        self._lists = next(map(ListHistory, self.config.lists.values()), None)
        self.evidence = SourceEvidence(self._owners, self._lists)
        self._held: dict[str, HeldSessions] | None = None
        self._pool = Database(self.config.databases["app"])
        self.owners: OwnersState | None = None
        self.list: ListState | None = None

    async def close(self) -> None:
        await self._pool.close()

    async def run(self) -> ActiveValues:
        """One round; `every` is the caller's business."""
        reader = self._pool.reader()
        if self._lists is not None:
            answer = await ask(self._lists.settings)
            self.list = self._lists.observe(answer, time.monotonic())
        if self._owners is not None:
            found = await alive(reader, self._owners.settings)
            self.owners = self._owners.observe(found, self._held, time.monotonic())
        table = await sessions.bind(reader, self.source)
        verdict = self.evidence.verdict(time.monotonic())
        read_at = time.monotonic()
        values = await Active().collect(reader, table, None, verdict)
        beside = values.evidence
        assert beside is not None
        unlisted = {key: read_at - silence for key, silence in beside.unlisted.items()}
        if self._lists is not None:
            self.evidence.observe(
                ComparedRows(
                    beside.list_at,
                    read_at,
                    beside.active,
                    beside.listed,
                    unlisted,
                    beside.untracked,
                )
            )
        self._held = {
            owner: HeldSessions(
                rows.active, None if rows.silence is None else read_at - rows.silence
            )
            for owner, rows in (beside.owners or {}).items()
        }
        return values


async def ask(settings: ListSource) -> ListAnswer:
    """Every store once; what is no answer of 200 is unknown."""
    async with httpx.AsyncClient(timeout=settings.timeout) as client:
        return ListAnswer(
            {name: await _store(client, settings, url) for name, url in settings.urls.items()}
        )


async def _store(
    client: httpx.AsyncClient, settings: ListSource, url: str
) -> StoreAnswer | Unknown:
    at = time.monotonic()
    try:
        body = (await client.get(url)).raise_for_status().json()
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        return Unknown("connection", repr(error))
    found = {}
    for item in jmespath.search(settings.items, body):
        if settings.filter is None or jmespath.search(settings.filter, item):
            found[str(jmespath.search(settings.id, item))] = ListedSession(
                _time(settings.started_at, item), _time(settings.last_seen_at, item)
            )
    return StoreAnswer(found, at)


def _time(path: TimePath | None, item: object) -> float | None:
    text = path and jmespath.search(path.path, item)
    return datetime.fromisoformat(text).timestamp() if text else None


async def alive(reader: Reader, settings: OwnerSource) -> OwnersAnswer:
    """The owners that have reported within the time they have."""
    at, table = time.monotonic(), settings.table
    assert table is not None
    (found,) = await reader.read(
        f"SELECT {table.id} FROM {table.table.schema_}.{table.table.name} AS s WHERE"
        f" {table.seen_at} > pg_catalog.clock_timestamp() - interval '{table.within} s'"
    )
    return OwnersAnswer(frozenset(row[0] for row in found.rows), at)
