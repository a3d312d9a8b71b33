"""Files that change are read when they have stayed the same, and wrong ones leave the last."""

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from exporter.daemon.http import web_config as watched
from exporter.daemon.http.connections import HttpConnections
from exporter.daemon.http.web_config import WebConfig

SHIPPED = Path(__file__).parents[3] / "support" / "network" / "tls"
HASH = f"$2y$10${'.' * 53}"
PAIR = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "WATCH_SECONDS", 0.005)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A web config file with a certificate; beside it the certificate and its key."""
    for name in ("server.crt", "server.key"):
        shutil.copy(SHIPPED / name, tmp_path)
    (tmp_path / "web.yml").write_text(PAIR)
    return tmp_path / "web.yml"


def write(file: Path, text: str) -> None:
    file.write_text(text)


def replace(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


def replace_by_pipe(file: Path) -> None:
    """To open it waits for a writer, which there is none."""
    file.unlink()
    os.mkfifo(file)


@asynccontextmanager
async def watching(web: WebConfig, http: HttpConnections) -> AsyncIterator[None]:
    task = asyncio.create_task(web.watch(http))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def wait_until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it is no event
            await asyncio.sleep(0.002)


async def test_a_change_is_in_use_without_a_restart(file: Path) -> None:
    web, http = WebConfig(file), HttpConnections()
    first = web.current
    async with watching(web, http):
        write(file, f"{PAIR}basic_auth_users: {{a: {HASH}}}")
        await wait_until(lambda: web.current.users)
        second = web.current
        assert first.tls is not None
        assert second.tls is not None
        assert second.tls.context is not first.tls.context
        write(file, "")
        await wait_until(lambda: web.current.tls is None)
    assert http.web_config_is_valid


async def test_what_did_not_change_is_not_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    signature = watched._signature

    def counted(files: tuple[Path, ...]) -> tuple[object, ...]:
        nonlocal compared
        compared += 1
        return signature(files)

    web, http = WebConfig(file), HttpConnections()
    monkeypatch.setattr(watched, "_signature", counted)
    before = web.current
    async with watching(web, http):
        await wait_until(lambda: compared > 10)
    assert web.current is before


async def test_a_file_that_a_wrong_config_names_is_waited_for(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a config that comes a moment before its certificate."""
    caplog.set_level(logging.INFO, "session_exporter")
    web, http = WebConfig(file), HttpConnections()
    before = web.current
    async with watching(web, http):
        write(file, "tls_server_config: {cert_file: new.crt, key_file: server.key}")
        await wait_until(lambda: not http.web_config_is_valid)
        assert web.current is before
        shutil.copy(SHIPPED / "server.crt", file.parent / "new.crt")
        await wait_until(lambda: http.web_config_is_valid)
    assert web.current is not before
    assert [each.getMessage() for each in caplog.records] == [
        "web_config_invalid",
        "web_config_reloaded",
    ]


async def test_a_folder_that_is_replaced_as_a_whole_is_noticed(tmp_path: Path) -> None:
    """As Kubernetes replaces a mounted secret: a link that leads to another folder."""
    for name, users in (("one", ""), ("two", f"basic_auth_users: {{a: {HASH}}}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.yml").write_text(users)
    link = tmp_path / "data"
    link.symlink_to("one")
    web, http = WebConfig(link / "web.yml"), HttpConnections()
    async with watching(web, http):
        new = tmp_path / "new"
        new.symlink_to("two")
        new.replace(link)
        await wait_until(lambda: web.current.users)


async def test_without_a_file_there_is_nothing_to_watch() -> None:
    await WebConfig().watch(HttpConnections())


async def test_a_file_that_cannot_be_read_to_its_end_leaves_the_last_and_is_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "READ_SECONDS", 0.05)
    web, http = WebConfig(file), HttpConnections()
    first = web.current
    async with watching(web, http):
        replace_by_pipe(file)
        await wait_until(lambda: not http.web_config_is_valid)
        assert web.current is first
        monkeypatch.setattr(watched, "READ_SECONDS", 30.0)
        replace(file, f"{PAIR}basic_auth_users: {{a: {HASH}}}")
        await wait_until(lambda: web.current.users)
    assert http.web_config_is_valid
