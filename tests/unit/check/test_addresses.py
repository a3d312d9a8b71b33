"""Whether the URL of a store leads to several servers."""

import socket
from typing import Any

import pytest

from exporter.check.evidence.addresses import of_addresses
from exporter.check.findings import FindingWriter
from exporter.config.evidence import ListSource

V4, V6 = socket.AF_INET, socket.AF_INET6


async def warnings(**settings: Any) -> list[str]:
    declared = {"name": "calls", "urls": {"app": "http://calls:8080/live"}, **settings}
    found = of_addresses(ListSource.model_validate(declared), FindingWriter("app", "calls"))
    return [each.message async for each in found]


@pytest.mark.parametrize(
    ("addresses", "number"),
    [
        ([(V4, "10.0.0.1"), (V4, "10.0.0.2"), (V4, "10.0.0.2"), (V6, "fd00::1")], 2),
        ([(V4, "127.0.0.1"), (V6, "::1")], None),
    ],
)
async def test_a_name_with_several_addresses_of_a_kind_may_be_several_servers(
    monkeypatch: pytest.MonkeyPatch, addresses: list[tuple[int, str]], number: int | None
) -> None:
    found = [(family, 1, 6, "", (address, 0)) for family, address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    said = await warnings()
    assert [each.split(";")[0] for each in said] == (
        [f"store app: calls has {number} addresses"] if number else []
    )
    assert await warnings(stores="all", urls={"a": "http://a/", "b": "http://b/"}) == []


async def test_a_name_that_is_not_found_is_said_by_the_answer() -> None:
    assert await warnings(urls={"app": "http://a..b/"}) == []
