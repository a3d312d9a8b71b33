"""A real browser: Debian's chromium, driven by Playwright; and axe-core, which finds what bars
people from a page.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, sync_playwright

ROOT = Path(__file__).parents[3]
#: Where .ci/run installs it: npm install --prefix .venv/node axe-core
AXE = ROOT / ".venv/node/node_modules/axe-core/axe.min.js"

#: How long a test waits for what has to be seen, in milliseconds.
PATIENCE = 30_000


def _missing(reason: str) -> None:
    """Skip the test, and fail in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def browsing() -> Iterator[Browser]:
    """The browser of a test file; no asynchronous test may be in it, as Playwright has a loop."""
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if found is None:
        _missing("chromium is missing: it comes with Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, url: str, **settings: Any) -> Iterator[Page]:
    """A page of its own at `url`; fails if it asks elsewhere, or has anything to complain of.

    What violates the content security policy is written to the console. A server that is down is
    no such thing.
    """
    complaints, foreign = list[str](), list[str]()
    context: BrowserContext = browser.new_context(**({"reduced_motion": "reduce"} | settings))
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)

        def check_request(request: Request) -> None:
            if not request.url.startswith(url):
                foreign.append(request.url)

        def refuse(dialog: Dialog) -> None:
            complaints.append(dialog.message)
            dialog.dismiss()

        page.on("request", check_request)
        page.on("dialog", refuse)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(url)
        yield page
        own = [each for each in complaints if "net::ERR_CONNECTION_REFUSED" not in each]
        assert (own, foreign) == ([], [])
    finally:
        context.close()


def ask_again(page: Page) -> None:
    """Let the page update itself now, as it does when its tab is looked at again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def accessibility_errors(page: Page) -> list[str]:
    """What axe-core finds, by all of its rules but those that need a person."""
    if not AXE.exists():
        _missing("axe-core is missing: npm install --prefix .venv/node axe-core")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{rule['id']}: {rule['help']}: {node['target']} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page as a whole is wider than the window."""
    width: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return width
