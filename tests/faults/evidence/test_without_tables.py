"""Practice calls and role plays without a table: what their lists alone show."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.demo.applications.roleplay_api.api import ENDPOINTS, PREFIX
from tests.support.processes.applications import ROLE_PLAY, Application, CallServerProcess
from tests.support.processes.session_exporter import Daemon, Page, run, write_config

pytestmark = pytest.mark.slow

CALLS: dict[str, Any] = {
    "items": "sessions",
    "id": "id",
    "started_at": "startedAt",
    "last_seen_at": "lastMessageAt",
    "filter": "state == 'active'",
    "every": "250ms",
    "timeout": "1s",
}
PLAYS: dict[str, Any] = {
    "stores": "all",
    "id": "id",
    "started_at": "createdAt",
    "last_seen_at": "lastMessageAt",
    "every": "250ms",
    "timeout": "1s",
}
UP = "session_exporter_collection_success"


def config_in(folder: Path, settings: dict[str, Any], urls: dict[str, str], **keys: Any) -> Path:
    source = {"list": "live", "orphaned_after": "3s", **keys}
    return write_config(folder, {}, {"live": source}, lists={"live": settings | {"urls": urls}})


def counts(page: Page) -> tuple[float | None, float | None]:
    """How many are active, and orphaned."""
    return page.value("sessions_active"), page.value("sessions_orphaned")


def test_a_call_in_use_is_never_orphaned_and_one_that_was_left_is_found(tmp_path: Path) -> None:
    with ExitStack() as stack:
        words = ("--keep-old", "--ping-interval", 0.2)
        server = stack.enter_context(CallServerProcess(*words, folder=tmp_path))
        clients = [
            stack.enter_context(server.front_end("hold", f"client-{n}", "--every", 0.1))
            for n in range(4)
        ]
        for each in clients:
            each.wait_for_event("active")
        cycling = stack.enter_context(server.front_end("cycles", "cycling", "--number", 100))
        path = config_in(tmp_path, CALLS, {"server": f"{server.url}/sessions"})
        daemon = stack.enter_context(Daemon(path, folder=tmp_path))
        daemon.wait_for_page(lambda page: (counts(page)[0] or 0) >= 4, "they are listed")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            assert daemon.scrape().value("sessions_orphaned") == 0
            time.sleep(0.05)
        cycling.wait()
        daemon.wait_for_page(lambda page: counts(page) == (4, 0), "nothing is left over")
        again = stack.enter_context(server.front_end("again", "anna", "--every", 0.1))
        left = again.wait_for_event("left")["call"]
        began = time.monotonic()
        page = daemon.wait_for_page(lambda page: counts(page) == (6, 1), "the old one is found")
        # orphaned_after, two intervals, and a second for a busy machine.
        assert time.monotonic() - began < 3 + 2 * 0.25 + 1
        assert page.value("sessions_orphaned_by_cause", cause="stale_in_list") == 1
        done = run("orphans", "live", "-c", path, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert left in done.stdout


def test_while_the_list_does_not_answer_old_numbers_go_and_nothing_is_orphaned(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(CallServerProcess(folder=tmp_path))
        port = first.port
        client = stack.enter_context(first.front_end("hold", "anna", "--every", 0.1))
        client.wait_for_event("active")
        path = config_in(tmp_path, CALLS, {"server": f"{first.url}/sessions"}, stale_after="1s")
        daemon = stack.enter_context(Daemon(path, folder=tmp_path))
        daemon.wait_for_page(lambda page: counts(page) == (1, 0), "it is listed")
        first.kill()
        daemon.wait_for_page(lambda page: page.value(UP) == 0, "the list does not answer")
        page = daemon.wait_for_page(lambda page: counts(page) == (None, None), "no old numbers")
        errors = "session_exporter_collection_errors_total"
        assert (page.value(errors, reason="connect") or 0) > 0
        assert page.value("session_exporter_evidence_up", evidence="live") == 0
        for words in (["once"], ["orphans"], ["check", "--live"]):
            done = run(*words, "-c", path, folder=tmp_path)
            assert done.returncode == 1
            assert "store server" in done.stdout + done.stderr
        second = stack.enter_context(CallServerProcess("--port", port, folder=tmp_path))
        client.wait_for_event("active", number=2)
        daemon.wait_for_page(lambda page: counts(page) == (1, 0), "it is listed again")
        assert len(second.sessions("active")) == 1


@pytest.mark.parametrize(("options", "expected"), [((), 0), (("--store-each",), 1)])
def test_stores_that_should_hold_the_same_disagree(
    tmp_path: Path, options: tuple[str, ...], expected: int
) -> None:
    with Application(ROLE_PLAY, *options, folder=tmp_path) as api:
        urls = {name: f"{api.url}{PREFIX}/{name}/live" for name in ENDPOINTS}
        httpx.post(f"{api.url}{PREFIX}/start").raise_for_status()
        with Daemon(config_in(tmp_path, PLAYS, urls), folder=tmp_path) as daemon:
            page = daemon.wait_for_page(
                lambda page: page.value("sessions_disagreeing") is not None,
                "two answers of each store",
            )
            assert page.value("sessions_disagreeing") == expected
            assert page.value("sessions_untracked") is None  # there is no table
            assert counts(page)[0] == 1
            daemon.wait_for_page(lambda page: counts(page) == (1, 1), "it was left alone")
