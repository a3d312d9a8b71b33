"""Examples of docs/evidence.md against a stand-in: the endpoint of an application, and locks."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import yaml
from starlette.responses import JSONResponse, Response

from exporter.clock import Clock
from exporter.config.evidence import ListSource
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.evidence.answers import ListAnswer, ListedSession, StoreAnswer
from exporter.evidence.asking.asker import Asker
from exporter.evidence.asking.lists import ListClient
from exporter.postgres import Database
from tests.support.collection import declarations
from tests.support.documents import blocks
from tests.support.network.answering import answering

DOCUMENT = (Path(__file__).parents[3] / "docs" / "evidence.md").read_text(encoding="utf-8")
CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)
KEY = UUID("0b1e7a52-9c3d-4a57-8b1c-2f4f7d7d0a11")


@dataclass
class Session:
    """What the application has in its memory."""

    id: UUID
    started_at: datetime
    last_message_at: datetime


def declared(name: str) -> dict[str, Any]:
    lists = [yaml.safe_load(each)["lists"] for each in blocks(DOCUMENT, "yaml") if "lists:" in each]
    (found,) = (each[name] for each in lists if name in each)
    return {"name": name, **found}


async def served(*, ready: bool) -> Response:
    """What the endpoint of the example answers."""
    (example,) = (each for each in blocks(DOCUMENT, "python") if "async def sessions" in each)
    scope: dict[str, Any] = {
        "Session": Session,
        "JSONResponse": JSONResponse,
        "Response": Response,
        "ready": ready,
    }
    exec(example, scope)
    scope["live"][KEY] = Session(
        KEY, datetime.fromtimestamp(1786241201, UTC), datetime.fromtimestamp(1786241260.5, UTC)
    )
    response = await scope["sessions"](None)
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize("ready", [True, False])
async def test_the_endpoint_lists_what_is_in_memory(ready: bool) -> None:
    response = await served(ready=ready)
    headers = dict(response.headers)
    async with answering(sessions=(response.status_code, headers, bytes(response.body))) as server:
        settings = declared("calls") | {"urls": {"a": server.url("/sessions")}}
        client = ListClient(ListSource.model_validate(settings), CLOCK)
        answer = (await client.ask()).stores["a"]
        await client.close()
    if ready:
        expected = {str(KEY): ListedSession(1786241201.0, 1786241260.5)}
        assert answer == StoreAnswer(expected, 7.0)
    else:
        assert getattr(answer, "reason", "") == "status"


async def test_the_locks_are_those_of_this_database_each_once(database: EmbeddedDatabase) -> None:
    settings = ListSource.model_validate(declared("locks"))
    elsewhere = database.server.dsn("postgres", user="postgres")
    asked = Database(declarations.settings_of(database.dsn))
    with database.connect() as one, database.connect() as other:
        one.execute("SELECT pg_advisory_lock_shared(42, 7), pg_advisory_lock(43, 8)")
        other.execute("SELECT pg_advisory_lock_shared(42, 7), pg_advisory_lock((42::bigint<<32)+9)")
        with psycopg.connect(elsewhere, autocommit=True) as third:
            third.execute("SELECT pg_advisory_lock(42, 10)")
            answer = await Asker(settings, asked, CLOCK).ask()
    await asked.close()
    assert answer == ListAnswer({"sql": StoreAnswer({"7": ListedSession()}, 7.0)})
