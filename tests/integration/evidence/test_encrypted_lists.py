"""Lists over TLS: which certificates are trusted, by which authorities, and when these are read."""

import asyncio
import ssl
import threading
from pathlib import Path

import pytest

from exporter.clock import Clock
from exporter.config.evidence import ListSource
from exporter.evidence.answers import ListedSession, StoreAnswer, Unknown
from exporter.evidence.asking.lists import ListClient
from tests.support.network.answering import Answering
from tests.support.network.certificates import Authority, answering_encrypted

CLOCK = Clock(monotonic=lambda: 7.0, wall=lambda: 0.0)
LISTED = StoreAnswer({"a": ListedSession()}, 7.0)


def client_of(server: Answering, ca_file: Path | None) -> ListClient:
    request = {} if ca_file is None else {"ca_file": str(ca_file)}
    urls = {"app": server.url("/live")}
    settings = {"name": "calls", "urls": urls, "request": request, "timeout": "30s"}
    return ListClient(ListSource.model_validate(settings), CLOCK)


async def asked(client: ListClient) -> StoreAnswer | Unknown:
    return (await client.ask()).stores["app"]


async def answered(tls: ssl.SSLContext, ca_file: Path | None) -> StoreAnswer | Unknown:
    async with answering_encrypted(tls, live=[{"id": "a"}]) as server:
        client = client_of(server, ca_file)
        try:
            return await asked(client)
        finally:
            await client.close()


def not_valid(why: str) -> Unknown:
    return Unknown("connection", f"its certificate is not valid: {why}")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.made(tmp_path / "ours")


async def test_a_server_is_trusted_by_its_authority(authority: Authority) -> None:
    assert await answered(authority.server(), authority.certificate) == LISTED


async def test_a_server_of_another_authority_is_not(authority: Authority, tmp_path: Path) -> None:
    other = Authority.made(tmp_path / "other")
    found = await answered(other.server(), authority.certificate)
    assert found == not_valid("unable to get local issuer certificate")


async def test_the_authorities_of_the_system_do_not_vouch_for_it(authority: Authority) -> None:
    found = await answered(authority.server(), None)
    assert found == not_valid("unable to get local issuer certificate")


async def test_a_certificate_for_another_host_is_not_trusted(authority: Authority) -> None:
    for name in ("DNS:app.example.com", "IP:127.0.0.2"):
        found = await answered(authority.server(name), authority.certificate)
        assert found == not_valid("IP address mismatch, certificate is not valid for '127.0.0.1'.")


async def test_a_certificate_that_has_expired_is_not_trusted(authority: Authority) -> None:
    found = await answered(authority.server(until="20210101000000Z"), authority.certificate)
    assert found == not_valid("certificate has expired")


async def test_authorities_that_are_replaced_count_from_the_next_answer(
    authority: Authority, tmp_path: Path
) -> None:
    other, link = Authority.made(tmp_path / "other"), tmp_path / "ca.crt"
    link.symlink_to(other.certificate)
    async with answering_encrypted(authority.server(), live=[{"id": "a"}]) as server:
        client = client_of(server, link)
        before = await asked(client)
        replacement = tmp_path / "new"
        replacement.symlink_to(authority.certificate)
        replacement.replace(link)  # as Kubernetes replaces what is mounted
        after = await asked(client)
        link.unlink()
        gone = await asked(client)
        link.write_text("no certificate")
        broken = await asked(client)
        link.write_bytes(authority.certificate.read_bytes())
        again = await asked(client)
        await client.close()
    assert before == not_valid("unable to get local issuer certificate")
    assert (after, again) == (LISTED, LISTED)
    assert gone == Unknown("file", f"ca_file: cannot read {link}: No such file or directory")
    assert broken == Unknown("file", f"ca_file: cannot read {link}: it holds no certificate in PEM")


async def test_authorities_are_read_in_a_thread_and_once_while_they_stay(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = list[threading.Thread]()
    read = ssl.create_default_context

    def counted(*arguments: object, cafile: Path) -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return read(cafile=cafile)

    tls = authority.server()
    async with answering_encrypted(tls, live=[{"id": "a"}]) as server:
        client = client_of(server, authority.certificate)
        monkeypatch.setattr(ssl, "create_default_context", counted)
        assert [await asked(client) for _ in range(3)] == [LISTED] * 3
        await client.close()
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_authorities_that_cannot_be_read_in_time_are_no_answer(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    async with answering_encrypted(authority.server(), live=[]) as server:
        client = client_of(server, authority.certificate)
        client.settings = client.settings.model_copy(update={"timeout": 0.1})
        monkeypatch.setattr(ssl, "create_default_context", lambda **_: release.wait(30))
        try:
            async with asyncio.timeout(20):
                found = await asked(client)
        finally:
            release.set()
        await client.close()
    assert found == Unknown("timeout", "no complete answer within 0.1 s")
