"""The status page of a daemon with a real database, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER, create_empty
from tests.support.network.secured import PASSWORD, USER, hashed
from tests.support.pages.browser import ask_again, browsing, watched
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    wait_for,
    write_config,
)
from tests.support.servers.quick_server import QuickServer
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # a browser starts

HOSTILE = "<img src=x onerror=alert(1)>"
SHOWING = {**CONVERSATIONS, "show": ["user_id"], "alert_above": 2}
PREFIX = "kubectl exec deploy/session-exporter --"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


def seed(database: EmbeddedDatabase, *users: str) -> None:
    """Orphans, one of each user."""
    values = ", ".join(
        f"(gen_random_uuid(), '{user}', true, now() - interval '3 hours')" for user in users
    )
    execute(
        database,
        "INSERT INTO conversations.conversation_sessions"
        f" (session_id, user_id, is_active, session_start) VALUES {values}",
    )


def config_of(database: EmbeddedDatabase, folder: Path) -> Path:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    return write_config(folder, {"app": app}, {"conversations": SHOWING})


def url_of(daemon: Daemon) -> str:
    return f"http://127.0.0.1:{daemon.port}/"


def test_orphans_are_shown_and_one_that_ends_disappears(
    browser: Browser, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    seed(database, "ann", "bob", HOSTILE)
    options = ["--web.command-prefix", PREFIX]
    with Daemon(config_of(database, tmp_path), folder=tmp_path, options=options) as daemon:
        daemon.wait_until_ready()
        with watched(browser, url_of(daemon)) as page:
            row = page.locator("[id='app/conversations']")
            expect(row.locator(".number")).to_have_text("3")
            expect(row).to_contain_text("above limit")
            orphans = row.get_by_role("region", name="Orphans of conversations")
            for user in ("ann", "bob", HOSTILE):
                expect(orphans.get_by_role("cell", name=user, exact=True)).to_be_visible()
            command = f"{PREFIX} session-exporter orphans conversations"
            expect(row.get_by_text(command, exact=True)).to_be_visible()
            link = page.get_by_role("link", name="Runbook SessionsOrphanedAboveThreshold")
            runbook = daemon.get(f"/{link.get_attribute('href')}").text
            assert f"\n{PREFIX} session-exporter orphans conversations\n" in runbook
            execute(
                database,
                "UPDATE conversations.conversation_sessions"
                " SET is_active = false, session_end = now() WHERE user_id = 'bob'",
            )
            expect(row.locator(".number")).to_have_text("2", timeout=30_000)
            expect(orphans.get_by_role("cell", name="bob", exact=True)).to_have_count(0)
            expect(row.get_by_role("cell", name="ann", exact=True)).to_be_visible()


def test_a_database_goes_down_and_comes_back(
    browser: Browser, database: EmbeddedDatabase, fast_folder: Path | None, tmp_path: Path
) -> None:
    with QuickServer(database.server.binaries, parent=fast_folder) as server:
        own = create_empty(server, "own")
        seed(own, "ann")
        config = config_of(own, tmp_path)
        with Daemon(config, folder=tmp_path) as daemon:
            daemon.wait_until_ready()
            with watched(browser, url_of(daemon)) as page:
                row = page.locator("[id='app/conversations']")
                expect(row).to_contain_text("within limit")
                server.kill()
                expect(row).to_contain_text("failing", timeout=30_000)
                expect(row).to_contain_text("Connection refused")
                expect(page.get_by_text("Database app cannot be reached.")).to_be_visible()
                server.start()
                ask_again(page)
                expect(row).to_contain_text("within limit", timeout=60_000)
                expect(row.get_by_role("cell", name="ann", exact=True)).to_be_visible()


def test_under_a_path_and_behind_a_password_it_is_the_same(
    browser: Browser, database: EmbeddedDatabase, tmp_path: Path
) -> None:
    seed(database, "ann")
    web = tmp_path / "web.yml"
    web.write_text(yaml.safe_dump({"basic_auth_users": {USER: hashed(PASSWORD)}}))
    options = ["--web.route-prefix=/sessions", f"--web.config.file={web}"]
    options.append("--web.details=authenticated")
    with Daemon(config_of(database, tmp_path), folder=tmp_path, options=options) as daemon:
        wait_for(lambda: daemon.get("/sessions/-/ready").status == 200, "it is ready")
        known = {"username": USER, "password": PASSWORD}
        url = f"{url_of(daemon)}sessions/"
        with watched(browser, url, http_credentials=known) as page:
            cell = page.get_by_role("cell", name="ann", exact=True)
            expect(cell).to_be_visible()
            execute(
                database,
                "UPDATE conversations.conversation_sessions"
                " SET is_active = false, session_end = now(), duration_seconds = 1",
            )
            expect(cell).to_have_count(0, timeout=30_000)


def test_a_stranger_sees_counts_and_reasons_but_no_ids_columns_or_sentences(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    seed(database, "ann")
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    broken = {**SHOWING, "table": "nowhere.at_all"}
    config = write_config(tmp_path, {"app": app}, {"conversations": SHOWING, "broken": broken})
    options = ["--web.details=authenticated"]
    with Daemon(config, folder=tmp_path, options=options) as daemon:
        daemon.wait_until_ready()
        page = daemon.get("/").text
        assert "1 session is orphaned; which ones, is for readers who see details." in page
        assert "failed: schema" in page
        assert "ann" not in page.replace("cannot", "")
        assert "at_all" not in page
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        page = wait_for(
            lambda: (
                page if '<td class="value">ann</td>' in (page := daemon.get("/").text) else None
            ),
            "the orphan is listed",
        )
        assert "there is no table or view nowhere.at_all" in page
