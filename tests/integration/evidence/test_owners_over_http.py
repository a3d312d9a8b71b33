"""Owners over HTTP: an endpoint of the application, and pods as Kubernetes lists them."""

import threading
from pathlib import Path
from typing import Any

import pytest

from exporter.clock import Clock
from exporter.config.evidence import OwnerSource
from exporter.evidence.answers import MOST_OWNERS, OwnersAnswer, Unknown
from exporter.evidence.asking import owners
from exporter.evidence.asking.items import id_of
from exporter.evidence.asking.owners import OwnersClient
from tests.support.network.answering import Answering, answering
from tests.support.network.tls_gateway import CERTIFICATE

CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)
PODS = "/api/v1/namespaces/voice/pods?labelSelector=app%3Dcalls&limit=500"


async def ask(**settings: Any) -> OwnersAnswer | Unknown:
    declared = {"name": "pods", "unique_per_start": True, **settings}
    client = OwnersClient(OwnerSource.model_validate(declared), CLOCK)
    try:
        return await client.ask()
    finally:
        await client.close()


def pod(uid: str, phase: str = "Running", **more: Any) -> dict[str, Any]:
    statuses = more.pop("statuses", [])
    metadata = {"uid": uid, "name": f"calls-{uid}", "namespace": "voice", **more}
    return {"metadata": metadata, "status": {"phase": phase, "containerStatuses": statuses}}


def pods(*items: Any, token: str = "") -> dict[str, Any]:
    return {"kind": "PodList", "metadata": {"continue": token}, "items": list(items)}


async def list_pods(server: Answering, folder: Path, **settings: Any) -> OwnersAnswer | Unknown:
    token = folder / "token"
    token.write_text("secret\n")
    files = {"token_file": str(token), "ca_file": str(CERTIFICATE)}
    where = {"namespace": "voice", "selector": "app=calls", "url": server.url("")}
    return await ask(kubernetes={**where, **files, **settings})


async def test_pods_live_until_they_have_ended(tmp_path: Path) -> None:
    items = [
        pod("a"),
        pod("b", "Pending"),
        pod("c", "Unknown"),
        pod("d", deletionTimestamp="2026-01-01T00:00:00Z"),
        pod("e", "Succeeded"),
        pod("f", "Failed"),
    ]
    async with answering() as server:
        server.answers[PODS] = pods(*items)
        found = await list_pods(server, tmp_path)
    assert found == OwnersAnswer(frozenset("abcd"), 7.0, frozenset("ef"))
    assert "\r\nauthorization: bearer secret\r\n" in server.requests[0].lower()
    assert "resourceversion" not in server.requests[0].lower()


async def test_pages_are_read_to_the_last(tmp_path: Path) -> None:
    async with answering() as server:
        server.answers[PODS] = pods(pod("a"), token="x/y=")
        server.answers[f"{PODS}&continue=x%2Fy%3D"] = pods(pod("b"))
        found = await list_pods(server, tmp_path)
        server.answers[f"{PODS}&continue=x%2Fy%3D"] = (410, {}, b"")
        expired = await list_pods(server, tmp_path)
    assert found == OwnersAnswer(frozenset("ab"), 7.0)
    assert expired == Unknown("page", "page 2: answered 410")


async def test_a_restart_of_the_container_is_another_owner(tmp_path: Path) -> None:
    calls = [{"name": "calls", "restartCount": 2}, {"name": "proxy", "restartCount": 9}]
    items = [pod("a", statuses=calls), pod("b", "Pending"), pod("c", "Failed", statuses=calls)]
    async with answering() as server:
        server.answers[PODS] = pods(*items)
        found = await list_pods(server, tmp_path, container="calls")
        server.answers[PODS] = pods(*items, pod("d"))
        unknown = await list_pods(server, tmp_path, container="calls")
    assert found == OwnersAnswer(frozenset({"a/2"}), 7.0, frozenset({"c/2"}))
    assert unknown == Unknown("shape", "pod calls-d has no container calls; is that its name?")


NO_ANSWER: dict[str, tuple[object, str]] = {
    "forbidden": (
        (403, {}, b""),
        (
            "permission: answered 403: the request is not permitted; the service account needs a "
            "Role with list on pods of namespace voice"
        ),
    ),
    "another namespace": (
        pods(pod("a", namespace="other")),
        "shape: a pod of another namespace than voice",
    ),
    "no pods": (
        {"kind": "Status"},
        "shape: expected a list of pods; is url that of an API server?",
    ),
    "a pod without uid": (pods({"status": {}}), "shape: a pod without a uid or a phase"),
    "a pod twice": (pods(pod("a"), pod("a")), "shape: the answer has the same id twice"),
}


@pytest.mark.parametrize(("body", "why"), NO_ANSWER.values(), ids=NO_ANSWER)
async def test_what_is_no_list_of_pods_says_why(body: object, why: str, tmp_path: Path) -> None:
    async with answering() as server:
        server.answers[PODS] = body
        found = await list_pods(server, tmp_path)
    assert isinstance(found, Unknown)
    assert f"{found.reason}: {found.message}" == why


async def test_an_endpoint_lists_those_that_live() -> None:
    body = {"servers": [{"id": "a", "up": True}, {"id": "b", "up": False}, {"id": 3, "up": True}]}
    async with answering(servers=body) as server:
        http = {"url": server.url("/servers"), "items": "servers", "filter": "up"}
        found = await ask(http=http)
    assert found == OwnersAnswer(frozenset({"a", "3"}), 7.0)


async def test_a_long_answer_is_taken_apart_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set[threading.Thread]()
    read = id_of

    def watched(value: object) -> str:
        threads.add(threading.current_thread())
        return read(value)

    monkeypatch.setattr(owners, "id_of", watched)
    many = [{"id": f"server-{number}", "up": True} for number in range(5000)]
    async with answering(servers={"of": many}, few={"of": many[:3]}) as server:
        http = {"url": server.url("/servers"), "items": "of[?up]", "filter": "up"}
        found = await ask(http=http)
        assert isinstance(found, OwnersAnswer)
        assert len(found.alive) == 5000
        assert threading.main_thread() not in threads
        await ask(http=http | {"url": server.url("/few")})
    assert threading.main_thread() in threads


async def test_more_owners_than_are_read_are_no_answer_in_a_thread_too() -> None:
    many = [{"id": number} for number in range(MOST_OWNERS + 1)]
    async with answering(servers=many) as server:
        found = await ask(http={"url": server.url("/servers")}, timeout="30s")
    assert found == Unknown("size", f"the answer has more than {MOST_OWNERS} owners")
