"""`recovery.webhook`: a receiver is notified of each recovery, signed, at least once."""

import asyncio
import hashlib
import hmac
import http.client
import http.server
import logging
import math
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter import logs
from exporter.config import Source
from exporter.demo.server.databases import EmbeddedDatabase
from exporter.errors import BackingOff, ConnectFailed
from exporter.postgres import Writer
from exporter.recovery.webhook.delivery import RETRY, DeliveryCounts, WebhookSender
from exporter.recovery.webhook.http import system_authorities
from tests.support.collection.declarations import settings_of
from tests.support.network.certificates import openssl
from tests.support.recovery.webhooks import (
    orphan,
    prepare,
    receiver,
    recover,
    serving,
    visits,
    writer_of,
)

SECRET = "correct-horse-battery-staple"
NOW = 1_800_000_000.5
DOCUMENT = Path(__file__).parents[4] / "docs" / "recovery" / "notifications.md"


@pytest.fixture
def declared(tmp_path: Path) -> Callable[..., Source]:
    """The source with a webhook on a port of this machine."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")

    def declared(
        port: int, *, timeout: str = "10s", scheme: str = "http", path: str = "/"
    ) -> Source:
        url = f"{scheme}://127.0.0.1:{port}{path}"
        return visits(
            tmp_path, f"webhook: {{url: '{url}', secret_file: secret, timeout: {timeout}}}"
        )

    return declared


@asynccontextmanager
async def sender(database: EmbeddedDatabase, source: Source) -> AsyncIterator[WebhookSender]:
    """What one exporter has for it."""
    made = WebhookSender(writer_of(database, source), source, database="app", wall=lambda: NOW)
    try:
        yield made
    finally:
        await made.close()


async def run_once(database: EmbeddedDatabase, source: Source) -> DeliveryCounts:
    """One run of an exporter that was just started."""
    async with sender(database, source) as made:
        return await made.run_once()


def audit(database: EmbeddedDatabase, columns: str) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        rows = connection.execute(
            f"SELECT {columns} FROM session_exporter.recovery ORDER BY number".encode()
        )
        return rows.fetchall()


def pass_time(database: EmbeddedDatabase) -> None:
    """Whatever was to be waited for is over: a retry, or the claim of somebody who died."""
    with database.connect() as connection:
        connection.execute(
            "UPDATE session_exporter.recovery SET next_attempt_at = now()"
            " WHERE next_attempt_at IS NOT NULL"
        )


async def test_a_recovery_is_posted_with_what_was_before_and_after(
    any_database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(any_database, "one")
    async with receiver() as served:
        source = declared(served.port, path="/sessions?from=exporter")
        outcome = await recover(any_database, source)
        assert await run_once(any_database, source) == DeliveryCounts(delivered=1)
        (request,) = served.requests
    body = request.json
    ((number, at),) = audit(any_database, "number, extract(epoch FROM at)::float8")
    assert request.path == "/sessions?from=exporter"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == f"{outcome.run}-{number}"
    assert list(body) == [
        "number", "run", "database", "source", "relation", "session",
        "at", "trigger", "before", "after", "evidence",
    ]  # fmt: skip
    assert body["number"] == number
    assert uuid.UUID(body["run"]) == outcome.run
    assert (body["database"], body["source"]) == ("app", "visits")
    assert (body["relation"], body["session"]) == ('"public"."visits"', "one")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", body["at"])
    assert abs(time.time() - at) < 60
    assert body["trigger"] == "manual"
    assert (body["before"]["active"], body["before"]["ended"]) == ("t", None)
    assert body["after"]["active"] == "f"
    assert b'"price": "1.10"' in request.body, "every digit of a number is kept"
    assert body["evidence"]["silence_seconds"] > 7200


async def test_a_request_is_signed_with_the_key_that_is_in_the_file_by_then(
    database: EmbeddedDatabase, declared: Callable[..., Source], tmp_path: Path
) -> None:
    prepare(database, "one")
    async with receiver() as served:
        source = declared(served.port)
        await recover(database, source)
        served.statuses = [401]
        async with sender(database, source) as made:
            await made.run_once()
            (tmp_path / "secret").write_text("another\r\n")
            pass_time(database)
            assert await made.run_once() == DeliveryCounts(delivered=1)
        for request, key in zip(served.requests, (SECRET, "another"), strict=True):
            signed = f"{int(NOW)}.".encode() + request.body
            expected = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
            header = request.headers["session-exporter-signature"]
            assert header == f"t={int(NOW)},v1={expected}"


async def test_the_documented_receiver_takes_what_is_signed_and_nothing_else(
    database: EmbeddedDatabase,
    declared: Callable[..., Source],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = DOCUMENT.read_text().split("```python\n")[1].partition("```")[0]
    defining, serving = code.rstrip().rsplit("\n", 1)
    assert serving == 'http.server.HTTPServer(("127.0.0.1", 8080), Receiver).serve_forever()'
    source = declared(8080)
    shutil.copy(tmp_path / "secret", tmp_path / "webhook.secret")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    exec(compile(defining, DOCUMENT.name, "exec"), namespace)
    prepare(database, "one", "two")
    with http.server.HTTPServer(("127.0.0.1", 0), namespace["Receiver"]) as server:
        serving_thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        serving_thread.start()
        try:
            source = declared(server.server_port)
            await recover(database, source)
            writer = writer_of(database, source)
            now = WebhookSender(writer, source, database="app", wall=time.time)
            assert await now.run_once() == DeliveryCounts(delivered=2)
            orphan(database, "three")
            await recover(database, source)
            # An old timestamp is a replay, and another key is somebody else's.
            assert (await run_once(database, source)).reason == "answered 401"
            (tmp_path / "secret").write_text("guessed")
            pass_time(database)
            assert (await now.run_once()).reason == "answered 401"
            await now.close()
            port = server.server_port
            assert await asyncio.to_thread(post_unsigned, port) == 401
        finally:
            server.shutdown()
            serving_thread.join()
    assert sorted(capsys.readouterr().out.split()) == ["one", "two"]


def post_unsigned(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", body=b"{}")
        return connection.getresponse().status
    finally:
        connection.close()


async def test_what_was_told_is_not_told_again(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, *(f"visit {n}" for n in range(30)))
    async with receiver() as served:
        source = declared(served.port)
        await recover(database, source)
        assert await run_once(database, source) == DeliveryCounts(delivered=30)
        pass_time(database)
        assert await run_once(database, source) == DeliveryCounts()
        assert len(served.requests) == len(set(served.sessions)) == 30
    told_rows = audit(database, "notified_at IS NOT NULL, next_attempt_at, attempts")
    assert set(told_rows) == {(True, None, 1)}


@pytest.mark.quick("301", "503")
@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 429, 500, 503])
async def test_an_answer_other_than_2xx_is_tried_again_until_it_is(
    database: EmbeddedDatabase, declared: Callable[..., Source], status: int
) -> None:
    prepare(database, "one")
    async with receiver() as served, receiver() as elsewhere:
        source = declared(served.port)
        served.headers = (f"Location: http://127.0.0.1:{elsewhere.port}/",)
        served.statuses = [status, status, 202]
        await recover(database, source)
        for attempt in (1, 2):
            counts = await run_once(database, source)
            assert (counts.delivered, counts.failed) == (0, 1)
            assert f"answered {status}" in (counts.reason or "")
            assert await run_once(database, source) == DeliveryCounts(), "it is not due yet"
            ((attempts, waits),) = audit(
                database,
                "attempts, extract(epoch FROM next_attempt_at - now())::float8",
            )
            assert attempts == attempt
            assert 0 < waits <= RETRY[0] * 2 ** (attempt - 1)
            pass_time(database)
        assert await run_once(database, source) == DeliveryCounts(delivered=1)
        assert len(served.requests) == 3
        assert len({request.headers["idempotency-key"] for request in served.requests}) == 1
        assert elsewhere.requests == [], "no redirect is followed"


async def test_the_waits_grow_to_a_limit(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    async with receiver() as served:
        source = declared(served.port)
        served.statuses = [500] * 100
        await recover(database, source)
        async with sender(database, source) as made:
            for attempt in range(12):
                pass_time(database)
                await made.run_once()
                ((wait,),) = audit(database, "extract(epoch FROM next_attempt_at - now())::float8")
                whole = min(RETRY[0] * 2**attempt, RETRY[1])
                assert max(RETRY[0], whole / 2) - 2 < wait <= whole


async def test_a_receiver_that_hangs_is_left_after_the_timeout(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    async with receiver() as served:
        served.is_hung = True
        source = declared(served.port, timeout="200ms")
        await recover(database, source)
        async with asyncio.timeout(10):
            counts = await run_once(database, source)
        assert counts == DeliveryCounts(failed=1, reason="no answer within 0.2 s")


async def test_a_receiver_that_sends_its_answer_in_drops_is_left_after_the_timeout(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 X\r\nX: ")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(drip) as port:
        source = declared(port, timeout="300ms")
        await recover(database, source)
        async with asyncio.timeout(10):
            counts = await run_once(database, source)
        assert counts == DeliveryCounts(failed=1, reason="no answer within 0.3 s")


async def test_a_receiver_that_is_not_there_is_tried_again_when_it_is(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source = declared(unused.getsockname()[1])
        await recover(database, source)
        counts = await run_once(database, source)
    assert counts == DeliveryCounts(failed=1, reason="the connection failed: Connection refused")
    async with receiver() as served:
        pass_time(database)
        assert await run_once(database, declared(served.port)) == DeliveryCounts(delivered=1)


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    key, certificate = folder / "key", folder / "certificate"
    command = f"{openssl()} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x"
    named = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
    subprocess.run([*command.split(), *named], check=True, capture_output=True)
    return key, certificate


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    database: EmbeddedDatabase,
    declared: Callable[..., Source],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, certificate = own_certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    prepare(database, "one")
    async with receiver(tls) as served:
        source = declared(served.port, scheme="https")
        await recover(database, source)
        counts = await run_once(database, source)
        assert counts.reason == "its certificate is not valid: self-signed certificate"
        assert served.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # read once in a process
        monkeypatch.setattr(
            "exporter.recovery.webhook.http.system_authorities", system_authorities.__wrapped__
        )
        pass_time(database)
        assert await run_once(database, source) == DeliveryCounts(delivered=1)


async def test_a_receiver_that_speaks_no_tls_is_named_so(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    prepare(database, "one")
    async with serving(speak) as port:
        source = declared(port, scheme="https")
        await recover(database, source)
        assert (await run_once(database, source)).reason == "TLS failed: WRONG_VERSION_NUMBER"


async def test_what_an_exporter_that_died_was_telling_is_told_by_the_next(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one", "two")
    async with receiver() as served:
        source = declared(served.port)
        await recover(database, source)
        served.is_hung = True
        dying = asyncio.create_task(run_once(database, source))
        await served.arrived(2)
        dying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dying
        served.is_hung = False
        assert await run_once(database, source) == DeliveryCounts(), "its claims are still good"
        pass_time(database)
        assert await run_once(database, source) == DeliveryCounts(delivered=2)
        assert served.sessions == ["one", "one", "two", "two"]


EXPORTER = """\
import asyncio, sys, time
from pathlib import Path
from exporter.config import load_config
from exporter.postgres import Writer
from exporter.recovery.webhook.delivery import WebhookSender

async def main():
    config = load_config(Path(sys.argv[1]), {"DATABASE_URL": sys.argv[2]})
    writer = Writer(config.databases["app"], timezone="UTC")
    sender = WebhookSender(writer, config.sources["visits"], database="app", wall=time.time)
    await sender.run_once()

asyncio.run(main())
"""


@pytest.mark.slow  # the fast tier has one that dies without a process of its own, above
async def test_a_killed_exporter_loses_nothing(
    database: EmbeddedDatabase, declared: Callable[..., Source], tmp_path: Path
) -> None:
    prepare(database, *(f"visit {n}" for n in range(20)))
    async with receiver() as served:
        served.hangs_after = 8
        source = declared(served.port)
        await recover(database, source)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", EXPORTER, str(tmp_path / "config.yaml"), database.dsn
        )
        await served.arrived(16)
        process.kill()
        await process.wait()
        served.hangs_after = math.inf
        assert (await run_once(database, source)).delivered == 4, "those that nobody had claimed"
        pass_time(database)
        assert (await run_once(database, source)).failed == 0
        assert set(served.sessions) == {f"visit {n}" for n in range(20)}
        assert {told_at for (told_at,) in audit(database, "notified_at IS NOT NULL")} == {True}


async def test_what_was_delivered_but_not_written_down_is_delivered_again(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    async with receiver() as served, sender(database, declared(served.port)) as made:
        await recover(database, declared(served.port))
        served.gate = asyncio.Event()
        running = asyncio.create_task(made.run_once())
        await served.arrived(1)
        with away(database):
            served.gate.set()
            with pytest.raises(ConnectFailed):
                await running
        assert await as_soon_as_it_may(made) == DeliveryCounts(), "its claim is still good"
        pass_time(database)
        assert await made.run_once() == DeliveryCounts(delivered=1)
        assert served.sessions == ["one", "one"]


@contextmanager
def away(database: EmbeddedDatabase) -> Iterator[None]:
    """Nobody is connected to it, and nobody can be."""
    with EmbeddedDatabase(database.server, "postgres").connect() as connection:
        allow = f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS '
        connection.execute(f"{allow} false".encode())
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                [database.name],
            )
            yield
        finally:
            connection.execute(f"{allow} true".encode())


async def as_soon_as_it_may(made: WebhookSender) -> DeliveryCounts:
    """After a failure to connect it waits for a while."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await made.run_once()
            except BackingOff:
                await asyncio.sleep(0.02)


async def test_exporters_share_the_work_and_tell_each_once(
    any_database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(any_database, *(f"visit {n}" for n in range(60)))
    async with receiver() as served:
        source = declared(served.port)
        await recover(any_database, source)
        async with (
            sender(any_database, source) as one,
            sender(any_database, source) as two,
            sender(any_database, source) as three,
        ):
            counts = await asyncio.gather(one.run_once(), two.run_once(), three.run_once())
        assert sum(each.delivered for each in counts) == 60
        assert len(served.requests) == len(set(served.sessions)) == 60


async def test_a_row_that_somebody_has_locked_keeps_none_of_the_others(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one", "two", "three")
    async with receiver() as served:
        source = declared(served.port)
        await recover(database, source)
        with database.connect() as connection, connection.transaction():
            connection.execute(
                "SELECT FROM session_exporter.recovery WHERE session = '{two}' FOR UPDATE"
            )
            assert await run_once(database, source) == DeliveryCounts(delivered=2)
        assert await run_once(database, source) == DeliveryCounts(delivered=1)


async def test_a_row_that_another_has_taken_over_is_not_put_off(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    async with receiver() as served:
        served.is_hung = True
        source = declared(served.port, timeout="1s")
        await recover(database, source)
        slow = asyncio.create_task(run_once(database, source))
        await served.arrived(1)
        pass_time(database)
        served.is_hung = False
        assert await run_once(database, source) == DeliveryCounts(delivered=1)
        assert (await slow).failed == 1
        assert audit(database, "notified_at IS NOT NULL, next_attempt_at") == [(True, None)]


async def test_a_request_under_way_holds_no_transaction_and_no_lock(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, *(f"visit {n}" for n in range(20)))
    async with receiver() as served:
        served.is_hung = True
        source = declared(served.port)
        await recover(database, source)
        running = asyncio.create_task(run_once(database, source))
        await served.arrived(8)
        with database.connect() as connection:
            states = connection.execute(
                "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'session-exporter'"
            ).fetchall()
            locked = connection.execute(
                "SELECT number FROM session_exporter.recovery FOR UPDATE NOWAIT"
            ).fetchall()
        assert states == [("idle",)]
        assert len(locked) == 20
        assert len(served.requests) == 8, "no more than these at once"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_receiver_that_hangs_holds_up_no_recovery(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    async with receiver() as served:
        served.is_hung = True
        source = declared(served.port, timeout="1m")
        await recover(database, source)
        telling = asyncio.create_task(run_once(database, source))
        await served.arrived(1)
        orphan(database, "two", "three")
        outcome = await recover(database, source)
        assert (len(outcome.recovered), outcome.skipped) == (2, 0)
        assert not telling.done()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def test_one_that_is_never_taken_does_not_keep_the_others(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, *(f"visit {n}" for n in range(20)))
    async with receiver() as served:
        served.statuses = [400]
        source = declared(served.port)
        await recover(database, source)
        counts = await run_once(database, source)
        assert (counts.delivered, counts.failed, counts.reason) == (19, 1, "answered 400")


async def test_a_receiver_that_takes_nothing_is_not_asked_for_all_of_them(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, *(f"visit {n}" for n in range(20)))
    async with receiver() as served:
        served.statuses = [503] * 20
        source = declared(served.port)
        await recover(database, source)
        assert (await run_once(database, source)).failed == 8
        assert len(served.requests) == 8


async def test_nobody_is_told_of_what_was_undone_or_was_before_there_was_a_webhook(
    database: EmbeddedDatabase, declared: Callable[..., Source], tmp_path: Path
) -> None:
    prepare(database, "before")
    await recover(database, visits(tmp_path))
    async with receiver() as served:
        orphan(database, "undone", "told")
        source = declared(served.port)
        await recover(database, source)
        with database.connect() as connection:
            connection.execute(
                "UPDATE session_exporter.recovery SET undone_at = now() WHERE session = '{undone}'"
            )
        assert await run_once(database, source) == DeliveryCounts(delivered=1)
        assert served.sessions == ["told"]


async def test_another_source_in_the_same_audit_is_not_told_here(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    async with receiver() as served:
        source = declared(served.port)
        await recover(database, source)
        other = source.model_copy(update={"name": "other"})
        assert await run_once(database, other) == DeliveryCounts()
        assert await run_once(database, source) == DeliveryCounts(delivered=1)


@pytest.mark.parametrize("content", ["", "\n", None])
async def test_nothing_is_sent_unsigned(
    database: EmbeddedDatabase, declared: Callable[..., Source], tmp_path: Path, content: str | None
) -> None:
    prepare(database, "one")
    async with receiver() as served:
        source = declared(served.port)
        await recover(database, source)
        (tmp_path / "secret").unlink()
        if content is not None:
            (tmp_path / "secret").write_text(content)
        counts = await run_once(database, source)
        assert counts.failed == 1
        assert str(tmp_path / "secret") in (counts.reason or "")
        assert served.requests == []


async def test_no_log_line_holds_a_secret(
    database: EmbeddedDatabase,
    declared: Callable[..., Source],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("session_exporter"), "handlers", [])
    logs.start(logging.DEBUG)
    monkeypatch.setattr(logging.getLogger("session_exporter"), "propagate", True)
    caplog.set_level(logging.DEBUG)
    prepare(database, "row-value")
    async with receiver() as served:
        source = declared(served.port, path="/?token=hidden-in-the-url")
        served.statuses = [500]
        await recover(database, source)
        counts = await run_once(database, source)
        pass_time(database)
        await run_once(database, source)
    counts_too = await run_refused(database, declared)
    said = "\n".join(
        [str(counts), str(counts_too)]
        + [f"{record.getMessage()} {record.__dict__}" for record in caplog.records]
    )
    assert "webhook_failed" in said
    for secret in (SECRET, "hidden-in-the-url", "row-value"):
        assert secret not in said


async def run_refused(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> DeliveryCounts:
    """Where there is nobody, and what the URL holds could be in an error."""
    orphan(database, "row-value-2")
    source = declared(1, path="/?token=hidden-in-the-url")
    await recover(database, source)
    return await run_once(database, source)


async def test_a_database_that_is_away_is_the_callers_to_count(
    database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    prepare(database, "one")
    async with receiver() as served, sender(database, declared(served.port)) as made:
        await recover(database, declared(served.port))
        assert await made.run_once() == DeliveryCounts(delivered=1)
        orphan(database, "two")
        await recover(database, declared(served.port))
        with away(database), pytest.raises(ConnectFailed):
            await made.run_once()
        assert await as_soon_as_it_may(made) == DeliveryCounts(delivered=1)


async def test_the_documented_rights_are_enough_to_tell(
    any_database: EmbeddedDatabase, declared: Callable[..., Source]
) -> None:
    grants = DOCUMENT.read_text().rpartition("```sql\n")[2].partition("```")[0]
    prepare(any_database, "one", "two")
    with any_database.connect() as connection:
        connection.execute(grants.encode())
    async with receiver() as served:
        served.statuses = [500]
        source = declared(served.port)
        await recover(any_database, source)
        settings = settings_of(any_database.dsn_for("session_exporter"))
        writer = Writer(settings, timezone="UTC")
        made = WebhookSender(writer, source, database="app", wall=lambda: NOW)
        counts = await made.run_once()
        await made.close()
        assert (counts.delivered, counts.failed) == (1, 1)
