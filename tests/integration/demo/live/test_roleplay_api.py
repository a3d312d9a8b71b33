"""The API of role plays: a store per endpoint shows its fault, a shared one does not."""

import json
from pathlib import Path

import httpx
import pytest

from exporter.demo.applications.roleplay_api.api import ENDPOINTS, PREFIX, RolePlayApi
from exporter.demo.applications.roleplay_api.probe import SyntheticSession
from tests.support.processes.applications import PROBE, ROLE_PLAY, Application
from tests.support.processes.session_exporter import wait_for


def client_of(api: RolePlayApi) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api.app()), base_url="http://role-play.test"
    )


def everywhere(*ids: str) -> dict[str, list[str]]:
    return {name: list(ids) for name in ENDPOINTS}


async def listed_by(client: httpx.AsyncClient) -> dict[str, list[str]]:
    answers = {name: await client.get(f"{PREFIX}/{name}/live") for name in ENDPOINTS}
    return {name: [each["id"] for each in answers[name].json()] for name in ENDPOINTS}


async def test_with_a_shared_store_a_role_play_starts_and_is_known_everywhere_and_ends() -> None:
    async with client_of(RolePlayApi()) as client:
        started = await client.post(f"{PREFIX}/start")
        assert started.json()["session"]["id"] == "default"
        assert (await client.get(f"{PREFIX}/session")).json()["active"] is True
        assert await listed_by(client) == everywhere("default")
        answer = await client.post(f"{PREFIX}/respond", json={"message": "hello"})
        assert answer.json()["session"]["messages"] == 1
        assert (await client.post(f"{PREFIX}/end")).json()["success"] is True
        assert await listed_by(client) == everywhere()


async def test_with_a_store_per_endpoint_start_succeeds_and_the_others_know_nothing() -> None:
    async with client_of(RolePlayApi(shared=False)) as client:
        assert (await client.post(f"{PREFIX}/start")).json()["success"] is True
        assert (await client.get(f"{PREFIX}/session")).json() == {
            "active": False,
            "session": None,
        }
        responded = await client.post(f"{PREFIX}/respond", json={"message": "hello"})
        assert responded.json() == {"error": "no active session"}
        assert (await client.post(f"{PREFIX}/end")).json() == {"error": "no session found"}
        assert await listed_by(client) == everywhere() | {"start": ["default"]}


async def test_the_fault_comes_when_the_store_is_split_and_goes_when_it_is_shared() -> None:
    api = RolePlayApi()
    async with client_of(api) as client:
        await client.post(f"{PREFIX}/start")
        api.split()
        assert await listed_by(client) == everywhere("default")
        await client.post(f"{PREFIX}/start", json={"id": "second"})
        assert await listed_by(client) == everywhere("default") | {"start": ["default", "second"]}
        assert (await client.post(f"{PREFIX}/end", json={"id": "second"})).status_code == 404
        api.share()
        assert await listed_by(client) == everywhere("default", "second")
        assert (await client.post(f"{PREFIX}/end", json={"id": "second"})).status_code == 200
        assert await listed_by(client) == everywhere("default")


@pytest.mark.parametrize("name", ["synthetic", "default"])
async def test_a_synthetic_session_finds_the_fault_in_every_endpoint_but_start(name: str) -> None:
    async with client_of(RolePlayApi(shared=False)) as client:
        finding = await SyntheticSession(client, name).round(1_795_000_000.5)
        assert finding is not None
        item = {"id": name, "createdAt": "2026-11-18T11:06:40.500+00:00"}
        assert finding == {
            "session": [],
            "start": [item | {"lastMessageAt": item["createdAt"]}],
            "respond": [],
            "end": [],
        }
        assert await SyntheticSession(client, name).round(1_795_000_000.5) == finding


async def test_a_synthetic_session_is_known_everywhere_and_leaves_nothing_over() -> None:
    async with client_of(RolePlayApi()) as client:
        for _ in range(3):
            finding = await SyntheticSession(client).round(0.0)
            assert finding is not None
            assert {name: len(items) for name, items in finding.items()} == dict.fromkeys(
                ENDPOINTS, 1
            )
            assert await listed_by(client) == everywhere()


async def test_a_synthetic_session_leaves_alone_a_role_play_that_someone_else_has() -> None:
    async with client_of(RolePlayApi()) as client:
        await client.post(f"{PREFIX}/start")
        assert await SyntheticSession(client, "default").round(0.0) is None
        assert await listed_by(client) == everywhere("default")
        assert await SyntheticSession(client).round(0.0) is not None
        assert await listed_by(client) == everywhere("default")


async def test_a_synthetic_session_ends_what_an_interrupted_round_has_left() -> None:
    async with client_of(RolePlayApi()) as client:
        await client.post(f"{PREFIX}/start", json={"id": "synthetic"})
        assert await SyntheticSession(client).round(0.0) is not None
        assert await listed_by(client) == everywhere()


@pytest.mark.slow
@pytest.mark.parametrize(("options", "others"), [((), 1), (("--store-each",), 0)])
def test_the_probe_serves_a_list_for_each_endpoint_and_writes_them_to_a_file(
    tmp_path: Path, options: tuple[str, ...], others: int
) -> None:
    output = tmp_path / "finding.json"
    with Application(ROLE_PLAY, *options, folder=tmp_path) as api:
        words = ("--url", api.url, "--every", 0.05, "--output", output)
        with Application(PROBE, *words, folder=tmp_path) as probe:
            wait_for(output.exists, "a round has come to its end", details=lambda: probe.log)
            counts = {name: len(probe.get(f"/{name}")) for name in ENDPOINTS}
            written = json.loads(output.read_text("utf-8"))
    assert counts == dict.fromkeys(ENDPOINTS, others) | {"start": 1}
    assert {name: len(items) for name, items in written.items()} == counts


@pytest.mark.slow
def test_a_probe_without_an_application_lists_nothing_and_keeps_its_last_finding(
    tmp_path: Path,
) -> None:
    with Application(ROLE_PLAY, folder=tmp_path) as api:
        words = ("--url", api.url, "--every", 0.05)
        with Application(PROBE, *words, folder=tmp_path) as probe:

            def found() -> bool:
                return httpx.get(f"{probe.url}/end").status_code == 200

            wait_for(found, "a round has come to its end", details=lambda: probe.log)
            api.kill()
            wait_for(lambda: "synthetic session failed" in probe.log, "the round failed")
            last = probe.get("/end")
            assert [each["id"] for each in last] == ["synthetic"]
            wait_for(lambda: probe.log.count("synthetic session failed") > 2, "rounds go on")
            assert probe.get("/end") == last
