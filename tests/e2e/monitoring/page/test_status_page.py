"""The status page in a real browser: it is complete without JavaScript, and current with it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from exporter.daemon.pages.overview.values import Overview
from tests.support.pages.browser import (
    accessibility_errors,
    ask_again,
    browsing,
    scrolls_sideways,
    watched,
)
from tests.support.pages.overviews import (
    EVERY_STANDING,
    a_collector,
    a_source,
    an_orphan,
    an_overview,
    some_details,
)
from tests.support.pages.status_server import StatusServer

pytestmark = pytest.mark.slow  # a browser starts; what the page says is tested without one

THRESHOLDS = {"conversations": 7200.0, "coaching": 600.0, "training": 7200.0}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&amp;{{7*7}}\x1b[31m"
MANY = an_overview(*(a_source(f"source_{number:03}", 200 - number) for number in range(200)))

Opens = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def server() -> Iterator[StatusServer]:
    with StatusServer(an_overview(*EVERY_STANDING), THRESHOLDS) as server:
        yield server


@pytest.fixture
def opened(browser: Browser, server: StatusServer) -> Opens:
    def open_page(path: str = "", **settings: Any) -> AbstractContextManager[Page]:
        return watched(browser, server.url + path, **settings)

    return open_page


def open_source(page: Page, name: str) -> None:
    page.locator(f"[id='app/{name}'] summary").click()


def orphans(overview: Overview, count: int) -> Overview:
    """The same, with so many orphans of `conversations`, from the second one on."""
    first, *others = overview.sources
    assert first.details is not None
    details = replace(first.details, orphans=first.details.orphans[1 : 1 + count])
    return replace(overview, sources=(replace(first, orphaned=count, details=details), *others))


def test_each_source_has_a_row_worst_first_which_opens_into_its_orphans(opened: Opens) -> None:
    with opened() as page:
        names = page.locator("h2").all_inner_texts()
        assert names == ["conversations", "coaching", "training", "calls", "transcripts"]
        row = page.locator("[id='app/conversations']")
        expect(row).to_contain_text("above limit")
        expect(row).to_contain_text("rising (+3 in 10m)")
        expect(row).to_contain_text("by alice: deploying.")
        expect(row.get_by_text("session-exporter resume conversations").first).to_be_visible()
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_hidden()
        open_source(page, "conversations")
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_visible()
        expect(row.get_by_text("session-exporter undo 2f1c7a")).to_be_visible()
        row.locator(".number").click()  # a click on the row is one on its button
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_hidden()


def test_an_orphan_that_ends_disappears_in_place(opened: Opens, server: StatusServer) -> None:
    with opened() as page:
        open_source(page, "conversations")
        row = page.locator("[id='app/conversations']")
        expect(row.locator(".number")).to_have_text("18")
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_visible()
        summary = row.locator("summary")
        summary.focus()
        summary.evaluate("element => { element.isSame = true }")
        page.evaluate("scrollTo(0, 120)")
        server.overview = orphans(server.overview, 16)
        ask_again(page)
        expect(row.locator(".number")).to_have_text("16")
        expect(page.get_by_text("conversations user 0", exact=True)).to_have_count(0)
        expect(page.get_by_text("conversations user 1", exact=True)).to_be_visible()
        assert row.locator("details").evaluate("element => element.open")
        assert page.evaluate("document.activeElement.isSame")
        assert page.locator(".number.changed").all_inner_texts() == ["16"]
        assert page.evaluate("scrollY") == 120


def test_sources_change_places_and_stay_open_and_focused(
    opened: Opens, server: StatusServer
) -> None:
    with opened() as page:
        open_source(page, "transcripts")
        page.locator("[id='app/transcripts'] summary").focus()
        server.overview = replace(server.overview, sources=server.overview.sources[::-1])
        ask_again(page)
        expect(page.locator("h2").first).to_have_text("transcripts")
        assert page.locator("[id='app/transcripts'] details").evaluate("each => each.open")
        assert page.evaluate("document.activeElement.closest('li').id") == "app/transcripts"
        assert page.locator("h2").count() == 5


def test_it_asks_as_often_as_there_is_something_new_until_it_is_paused(
    opened: Opens, server: StatusServer
) -> None:
    """Its shortest interval is 30 s."""
    with opened() as page:
        page.clock.install()
        page.reload()
        server.overview = orphans(server.overview, 16)
        page.clock.run_for(29_000)
        expect(page.locator(".number").first).to_have_text("18")
        page.clock.run_for(2_000)
        expect(page.locator(".number").first).to_have_text("16")
        page.get_by_role("button", name="Pause updates").click()
        server.overview = orphans(server.overview, 10)
        page.clock.run_for(120_000)
        expect(page.locator(".number").first).to_have_text("16")
        page.get_by_role("button", name="Pause updates").click()
        expect(page.locator(".number").first).to_have_text("10")


def test_what_is_shown_is_kept_and_called_old_while_the_exporter_is_away(
    browser: Browser,
) -> None:
    overview = an_overview(*EVERY_STANDING)
    with StatusServer(overview) as server:
        port = server.port
        context = watched(browser, server.url)
        page = context.__enter__()
        open_source(page, "conversations")
    ask_again(page)
    expect(page.get_by_role("alert")).to_contain_text("it cannot be reached")
    expect(page.get_by_text("conversations user 0", exact=True)).to_be_visible()
    with StatusServer(overview, port=port):
        ask_again(page)
        expect(page.get_by_role("alert")).to_be_hidden()
        assert page.locator("details").first.evaluate("each => each.open")
    context.__exit__(None, None, None)


def test_what_comes_from_rows_names_and_errors_is_text(
    browser: Browser,
) -> None:
    details = replace(
        some_details("x", 0),
        orphans=(an_orphan(1, id=HOSTILE, owner=HOSTILE, show={HOSTILE: HOSTILE}),),
        orphans_failure=HOSTILE,
    )
    failed = a_collector(is_fresh=False, reason="sql", failure=HOSTILE)
    source = a_source(HOSTILE, 1, details=details, collectors=(failed,))
    with (
        StatusServer(an_overview(source, config_failure=HOSTILE)) as server,
        watched(browser, server.url) as page,
    ):
        shown = HOSTILE.replace("\x1b", "\\x1b")
        expect(page.locator("td.id").first).to_have_text(shown, use_inner_text=True)
        assert page.locator("td.value").all_inner_texts()[:2] == [shown, shown]
        ask_again(page)
        page.wait_for_load_state("networkidle")
        assert page.locator("main script, main img").count() == 0


def test_without_javascript_it_is_complete(opened: Opens) -> None:
    with opened(java_script_enabled=False) as page:
        expect(page.get_by_role("button", name="Pause updates")).to_be_hidden()
        assert page.locator("h2").count() == 5
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_hidden()
        open_source(page, "conversations")
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_visible()
        page.get_by_role("searchbox").fill("tra")
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**/?q=tra&only=")
        assert page.locator("h2").all_inner_texts() == ["training", "transcripts"]
        page.get_by_role("combobox").select_option("Only problems")
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**/?q=tra&only=problems")
        assert page.locator("h2").all_inner_texts() == ["training"]
        page.get_by_role("link", name="Show all").click()
        expect(page.locator("h2")).to_have_count(5)


def test_the_filter_works_in_place(opened: Opens) -> None:
    with opened() as page:
        page.evaluate("window.isSame = true")
        page.get_by_role("searchbox").press_sequentially("tra")
        expect(page.locator("h2")).to_have_text(["training", "transcripts"])
        assert page.url.endswith("/?q=tra")
        expect(page.get_by_role("link", name="Show all")).to_be_visible()
        page.get_by_role("combobox").select_option("Only problems")
        expect(page.locator("h2")).to_have_text(["training"])
        page.get_by_role("searchbox").fill("nothing")
        expect(page.get_by_text("No source matches the filter.")).to_be_visible()
        page.get_by_role("searchbox").fill("")
        page.get_by_role("combobox").select_option("All sources")
        expect(page.locator("h2")).to_have_count(5)
        assert page.url.endswith("/")
        expect(page.get_by_role("link", name="Show all")).to_have_count(0)
        assert page.evaluate("window.isSame")


def test_200_sources_are_readable(opened: Opens, server: StatusServer) -> None:
    server.overview = MANY
    with opened() as page:
        assert page.locator("h2").count() == 200
        expect(page.get_by_role("status")).to_have_text("195 of 200 sources are above their limit")
        expect(page).to_have_title("(195) session-exporter")
        page.get_by_role("searchbox").press_sequentially("_150")
        expect(page.locator("h2")).to_have_text(["source_150"])
        page.get_by_role("searchbox").fill("")
        expect(page.locator("h2")).to_have_count(200)
        open_source(page, "source_000")
        assert page.locator("[id='app/source_000'] td.id").count() == 5 + 1 + 2
        page.locator("[id='app/source_000']").get_by_role("link", name="Show 100").click()
        page.wait_for_url("**/?source=source_000&database=app")
        assert page.locator("td.id").count() == 100 + 1 + 2
        assert page.locator("details").evaluate("each => each.open")


@pytest.mark.parametrize("width", [320, 768])
def test_on_a_phone_the_page_does_not_scroll_sideways(opened: Opens, width: int) -> None:
    viewport = {"width": width, "height": 780}
    with opened(viewport=viewport, is_mobile=True, has_touch=True) as page:
        assert not scrolls_sideways(page)
        for each in page.locator("summary").all():
            each.tap()
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_attached()
        assert not scrolls_sideways(page)
        small = [
            box["height"]
            for each in page.locator("summary, button, select, input").all()
            if (box := each.bounding_box()) is not None and box["height"] < 24
        ]
        assert small == []  # WCAG 2.2, 2.5.8


def test_the_keyboard_alone_is_enough(opened: Opens, server: StatusServer) -> None:
    with opened() as page:

        def focused() -> str:
            text: str = page.evaluate(
                "document.activeElement.id || document.activeElement.textContent.trim()"
            )
            return text

        seen = [""]
        while not seen[-1].startswith("Details"):
            page.keyboard.press("Tab")
            seen.append(focused())
        assert seen[1:] == [
            *("Skip to the sources", "Metrics", "API", "Ready", "Healthy"),
            *("q", "only", "pause", "Details of conversations in app"),
        ]
        page.keyboard.press("Enter")
        expect(page.get_by_text("conversations user 0", exact=True)).to_be_visible()
        page.keyboard.press("Tab")
        assert focused() == "Runbook SessionsOrphanedAboveThreshold"
        page.keyboard.press("Tab")  # what scrolls sideways can be scrolled by keys
        assert page.evaluate("document.activeElement.ariaLabel") == "Orphans of conversations"
        server.overview = orphans(server.overview, 16)
        ask_again(page)
        expect(page.locator(".number").first).to_have_text("16")
        assert page.evaluate("document.activeElement.ariaLabel") == "Orphans of conversations"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_it_bars_nobody(opened: Opens, scheme: str, width: int) -> None:
    with opened(color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        for each in page.locator("summary").all():
            each.click()
        assert accessibility_errors(page) == []
