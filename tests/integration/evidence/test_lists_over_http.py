"""Lists over HTTP: what is read from an answer, and what is none."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from exporter.clock import Clock
from exporter.config.evidence import ListSource
from exporter.evidence.answers import ListedSession, StoreAnswer, Unknown
from exporter.evidence.asking import request
from exporter.evidence.asking.lists import ListClient
from tests.support.network.answering import Answering, answering

CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)


async def ask(server: Answering, target: str = "/live", **settings: Any) -> StoreAnswer | Unknown:
    """The answer of the only store."""
    declared = {"name": "calls", "urls": {"app": server.url(target)}, **settings}
    client = ListClient(ListSource.model_validate(declared), CLOCK)
    try:
        return (await client.ask()).stores["app"]
    finally:
        await client.close()


async def listed(body: object, **settings: Any) -> dict[str, ListedSession] | str:
    """What the only store holds; or why that is unknown."""
    async with answering(live=body) as server:
        found = await ask(server, **settings)
    if isinstance(found, Unknown):
        return f"{found.reason}: {found.message}"
    assert found.at == 7.0
    return dict(found.sessions)


AT = 1767225600.0  # 2026-01-01
#: What an application answers, how it is declared, and what is read.
SHAPES: dict[str, tuple[object, dict[str, Any], dict[str, ListedSession]]] = {
    "nothing lives": ([], {}, {}),
    "ids are texts or whole numbers": (
        [{"id": "a"}, {"id": 7}],
        {},
        {"a": ListedSession(), "7": ListedSession()},
    ),
    "no error": (
        {"error": None, "errors": [], "items": [{"id": "a"}]},
        {"items": "items"},
        {"a": ListedSession()},
    ),
    "created, by a POST": (
        (201, {}, b'[{"id": "a"}]'),
        {"request": {"method": "POST"}},
        {"a": ListedSession()},
    ),
    "plain ids": (["a", "b"], {"id": "@"}, {"a": ListedSession(), "b": ListedSession()}),
    "a list of one column is its text": (
        [{"room": "r"}, {"room": 7}],
        {"id": "[room]"},
        {"r": ListedSession(), "7": ListedSession()},
    ),
    "several columns": (
        {"calls": [{"room": "r", "seat": 2}]},
        {"items": "calls", "id": "[room, seat]"},
        {'["r", "2"]': ListedSession()},
    ),
    "a mapping of times": (
        {"a": 1767225600000, "b": None},
        {"id": "key", "last_seen_at": {"path": "value", "epoch": "ms"}},
        {"a": ListedSession(None, AT), "b": ListedSession()},
    ),
    "times as ISO 8601": (
        [{"id": "a", "from": "2026-01-01T00:00:00Z", "seen": "2026-01-01T02:00:00.5+02:00"}],
        {"started_at": "from", "last_seen_at": "seen"},
        {"a": ListedSession(AT, AT + 0.5)},
    ),
    "a number as text": (
        [{"id": "a", "t": "1767225600.500"}, {"id": "b", "t": "-1"}],
        {"started_at": {"path": "t", "epoch": "s"}},
        {"a": ListedSession(AT + 0.5), "b": ListedSession()},
    ),
    "0 is no time": (
        [{"id": "a", "t": 0}, {"id": "b", "t": "1767225600"}],
        {"started_at": {"path": "t", "epoch": "s"}},
        {"a": ListedSession(), "b": ListedSession(AT)},
    ),
    "the year 1 and 1970 are no times, as Go and others write none": (
        [
            {"id": "a", "from": "2026-01-01T00:00:00Z", "seen": "0001-01-01T00:00:00Z"},
            {"id": "b", "from": "1970-01-01T00:00:00+00:00", "seen": "1969-12-31T19:00:00-05:00"},
        ],
        {"started_at": "from", "last_seen_at": "seen"},
        {"a": ListedSession(AT), "b": ListedSession()},
    ),
    "some are not live": (
        [{"id": "a", "state": "active"}, {"id": "b", "state": "ended"}],
        {"filter": "state == 'active'"},
        {"a": ListedSession()},
    ),
    "rooms of LiveKit": (
        {
            "rooms": [
                {"sid": "RM_1", "name": "r", "creation_time": "1767225600", "num_participants": 1}
            ]
        },
        {"items": "rooms", "id": "sid", "started_at": {"path": "creation_time", "epoch": "s"}},
        {"RM_1": ListedSession(AT)},
    ),
    "servers of users of JupyterHub": (
        [
            {
                "name": "ada",
                "servers": {"": {"last_activity": "2026-01-01T00:00:00Z", "ready": True}},
            },
            {"name": "bob", "servers": {}},
        ],
        {
            "items": "[?length(servers) > `0`]",
            "id": "name",
            "last_seen_at": "values(servers)[0].last_activity",
        },
        {"ada": ListedSession(None, AT)},
    ),
    "sessions of Keycloak": (
        [{"id": "8f", "username": "ada", "start": 1767225600000, "lastAccess": 1767225600500}],
        {
            "started_at": {"path": "start", "epoch": "ms"},
            "last_seen_at": {"path": "lastAccess", "epoch": "ms"},
            "key": "username",
        },
        {"8f": ListedSession(AT, AT + 0.5, "ada")},
    ),
    "dialogs of Kamailio": (
        {
            "jsonrpc": "2.0",
            "result": [
                {"call-id": "a", "state": 4, "start_ts": 1767225600},
                {"call-id": "b", "state": 5, "start_ts": 1},
            ],
        },
        {
            "items": "result",
            "id": '"call-id"',
            "filter": "state == `3` || state == `4`",
            "started_at": {"path": "start_ts", "epoch": "s"},
        },
        {"a": ListedSession(AT)},
    ),
    "connections of Guacamole": (
        {"c1": {"identifier": "c1", "startDate": 1767225600000, "username": "ada"}},
        {"id": "key", "started_at": {"path": "startDate", "epoch": "ms"}},
        {"c1": ListedSession(AT)},
    ),
}


@pytest.mark.parametrize(("body", "settings", "expected"), SHAPES.values(), ids=SHAPES)
async def test_sessions_are_found_in_what_applications_answer(
    body: object, settings: dict[str, Any], expected: dict[str, ListedSession]
) -> None:
    assert await listed(body, **settings) == expected


NO_ANSWER: dict[str, tuple[object, dict[str, Any], str]] = {
    "an error": ((500, {}, b""), {}, "status: answered 500"),
    "a login page": (
        (302, {"Location": "/login"}, b""),
        {},
        "redirect: answered 302; redirects are not followed: write the final address",
    ),
    "an answer that comes later": (
        (202, {}, b"[]"),
        {},
        "status: answered 202, which is not the answer itself",
    ),
    "an answer of several": (
        (207, {}, b"[]"),
        {},
        "status: answered 207, which is not the answer itself",
    ),
    "an error beside items": (
        {"items": [], "errors": [{"message": "the database is down"}]},
        {"items": "items"},
        "status: the answer has `errors`: it reports an error",
    ),
    "an error in the place of a mapping by id": (
        {"error": "down"},
        {"id": "key"},
        "status: the answer has `error`: it reports an error",
    ),
    "not permitted": ((403, {}, b""), {}, "permission: answered 403: the request is not permitted"),
    "HTML": (
        b"<html>",
        {},
        "shape: the answer is not JSON: Expecting value: line 1 column 1 (char 0)",
    ),
    "no UTF-8": (b'["\xff"]', {}, "shape: the answer is not UTF-8"),
    "NaN": (b"[NaN]", {}, "shape: the answer is not JSON: NaN is not a number in JSON"),
    "deep": (b"[" * 100_000, {}, "shape: the answer is nested too deeply"),
    "a key twice": (
        b'{"a": {}, "a": {}}',
        {"id": "key"},
        "shape: an object of the answer has the same key twice",
    ),
    "a number": (b"7", {}, "shape: items: expected a list or a mapping, got a whole number"),
    "items that are not there": (
        {"calls": []},
        {"items": "sessions"},
        "shape: items: expected a list or a mapping, got nothing",
    ),
    "an id twice": ([{"id": "a"}, {"id": "a"}], {}, "shape: the answer has the same id twice"),
    "no id": ([{"id": None}], {}, "shape: id: expected a text or a whole number, got null"),
    "an empty id": (
        [{"id": ""}],
        {},
        "shape: id: expected a text or a whole number, got an empty text",
    ),
    "a float": ([{"id": 1.5}], {}, "shape: id: expected a text or a whole number, got a number"),
    "true": ([{"id": True}], {}, "shape: id: expected a text or a whole number, got true or false"),
    "NUL": ([{"id": "a\0"}], {}, "shape: id: a text that PostgreSQL cannot hold"),
    "half a pair": (b'[{"id": "\\ud800"}]', {}, "shape: id: a text that PostgreSQL cannot hold"),
    "a local time": (
        [{"id": "a", "t": "2026-01-01T00:00:00"}],
        {"started_at": "t"},
        "shape: started_at: expected a time with its zone, got '2026-01-01T00:00:00'",
    ),
    "a number without unit": (
        [{"id": "a", "t": 1}],
        {"started_at": "t"},
        (
            "shape: started_at: expected a time as ISO 8601, got a whole number; write "
            "epoch: with the unit of a number"
        ),
    ),
    **{
        f"a number that Python reads: {number!r}": (
            [{"id": "a", "t": number}],
            {"started_at": {"path": "t", "epoch": "s"}},
            f"shape: started_at: expected a number since 1970, got {number!r}",
        )
        for number in ("1_000", " 12 ", "nan", "inf", "1e400", "1e9", "\u0661", "0x7", "1\n", "+1")
    },
    "infinity": (
        b'[{"id": "a", "t": 1e999}]',
        {"started_at": {"path": "t", "epoch": "s"}},
        "shape: started_at: expected a number since 1970, got a number",
    ),
    "too many": (
        [{"id": n} for n in range(3)],
        {"max_items": 2},
        "size: the list has more than 2 sessions (max_items)",
    ),
    "from a cache": (
        (200, {"Age": "12"}, b"[]"),
        {},
        "stale: the answer comes from a cache: it has an Age",
    ),
    "a part": (
        (206, {"Content-Range": "0-0/2"}, b'["a"]'),
        {"id": "@"},
        "page: answered 206, which is a part of the whole",
    ),
    "another page": (
        (200, {"Link": '</live?page=1>; rel="first", </live?page=2>; rel="next"'}, b'["a"]'),
        {"id": "@"},
        "page: the answer has another page (Link: rel=next), which next_page does not name",
    ),
    "compressed": (
        (200, {"Content-Encoding": "gzip"}, gzip.compress(b"[]")),
        {},
        "shape: the answer is compressed (gzip), unasked",
    ),
}


@pytest.mark.parametrize(("body", "settings", "why"), NO_ANSWER.values(), ids=NO_ANSWER)
async def test_what_is_no_answer_says_why(body: object, settings: dict[str, Any], why: str) -> None:
    assert await listed(body, **settings) == why


async def test_a_server_that_is_not_there_is_a_failed_connection() -> None:
    async with answering() as server:
        pass
    found = await ask(server)
    assert isinstance(found, Unknown)
    assert (found.reason, found.message) == (
        "connection",
        "the connection failed: Connection refused",
    )


async def test_an_answer_without_end_is_read_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "MOST_BYTES", 2**20)
    monkeypatch.setattr(request.Budget, "__init__", lambda self: setattr(self, "left", 2**20))
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n[")
        while sent < 2**26:
            writer.write(b" " * 2**16)
            sent += 2**16
            await writer.drain()

    assert await listed(endless) == "size: the answer has more than 1 MiB"
    assert sent < 2**25


async def test_an_answer_that_drips_is_late() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    assert await listed(drip, timeout="300ms") == "timeout: no complete answer within 0.3 s"


async def test_pages_are_one_answer() -> None:
    async with answering(live={"items": [{"id": 1}], "next": "page=2"}) as server:
        server.answers["/live?page=2"] = {"items": [{"id": 2}], "next": "/live?page=3"}
        server.answers["/live?page=3"] = {"items": [{"id": 3}], "next": server.url("/last")}
        server.answers["/last"] = {"items": [{"id": 4}], "next": None}
        found = await ask(server, items="items", request={"next_page": "next"})
    assert isinstance(found, StoreAnswer)
    assert list(found.sessions) == ["1", "2", "3", "4"]


PAGES: dict[str, tuple[object, str]] = {
    "another shape": (
        {"items": {"b": {"id": 2}}},
        "page: page 2: items: another shape than on the page before",
    ),
    "an id again": ({"items": [{"id": 1}]}, "page: page 2: the answer has the same id twice"),
    "no items": ({}, "page: page 2: items: another shape than on the page before"),
    "back to the first": (
        {"items": [{"id": 2}], "next": "/live"},
        "page: page 2 leads back to an earlier one",
    ),
    "to another server": (
        {"items": [{"id": 2}], "next": "http://127.0.0.2/"},
        "page: next_page: leads to another server, which is not asked",
    ),
    "no address": (
        {"items": [{"id": 2}], "next": 7},
        "page: next_page: expected a URL or a query string",
    ),
    "missing": ((404, {}, b""), "page: page 2: answered 404"),
    "not JSON": (
        b"<",
        "page: page 2: the answer is not JSON: Expecting value: line 1 column 1 (char 0)",
    ),
}


@pytest.mark.parametrize(("second", "why"), PAGES.values(), ids=PAGES)
async def test_an_answer_whose_pages_do_not_fit_is_none(second: object, why: str) -> None:
    async with answering(live={"items": [{"id": 1}], "next": "/two"}, two=second) as server:
        found = await ask(server, items="items", request={"next_page": "next"})
    assert isinstance(found, Unknown)
    assert f"{found.reason}: {found.message}" == why


async def test_secrets_are_read_from_their_files_at_each_request(tmp_path: Path) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text("first\n")
    key.write_text("secret\n")
    settings = {
        "name": "calls",
        "request": {
            "method": "POST",
            "body": '{"method": "dlg.list"}',
            "token_file": str(token),
            "headers": {"X-Api-Key": {"file": str(key)}, "X-Tenant": "a"},
        },
    }
    async with answering(live=[]) as server:
        declared = {**settings, "urls": {"app": server.url("/live")}}
        client = ListClient(ListSource.model_validate(declared), CLOCK)
        await client.ask()
        token.write_text("second")
        await client.ask()
        token.unlink()
        unknown = (await client.ask()).stores["app"]
        await client.close()
    first, second = (each.lower() for each in server.requests)
    assert first.startswith("post /live http/1.1\r\n")
    assert first.endswith('\r\n\r\n{"method": "dlg.list"}')
    for line in (
        "authorization: bearer first",
        "x-api-key: secret",
        "x-tenant: a",
        "content-type: application/json",
        "accept-encoding: identity",
    ):
        assert f"\r\n{line}\r\n" in first
    assert "bearer second" in second
    assert isinstance(unknown, Unknown)
    assert unknown.message == f"token_file: cannot read {token}: No such file or directory"


async def test_each_store_answers_for_itself() -> None:
    async with answering(start=[{"id": 1}], end=(500, {}, b"")) as server:
        urls = {"start": server.url("/start"), "end": server.url("/end")}
        client = ListClient(ListSource.model_validate({"name": "calls", "urls": urls}), CLOCK)
        stores = (await client.ask()).stores
        await client.close()
    assert stores == {
        "start": StoreAnswer({"1": ListedSession()}, 7.0),
        "end": Unknown("status", "answered 500"),
    }


async def test_a_long_list_leaves_the_event_loop_free() -> None:
    items = [{"id": f"call {n}", "at": 1767225600 + n} for n in range(100_000)]
    longest, last = 0.0, asyncio.get_running_loop().time()

    async def watch() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0.001)
            now = asyncio.get_running_loop().time()
            longest, last = max(longest, now - last), now

    body = json.dumps(items).encode()
    async with answering(live=body) as server:
        watching = asyncio.create_task(watch())
        found = await ask(server, last_seen_at={"path": "at", "epoch": "s"}, timeout="30s")
        watching.cancel()
    assert isinstance(found, StoreAnswer)
    assert len(found.sessions) == 100_000
    assert longest < 1.0  # in one go it takes longer than this on a busy machine
