"""The status page as HTML."""

import re
from dataclasses import replace

import pytest

from exporter.daemon.pages.overview.values import DatabaseOverview
from exporter.daemon.pages.status import assets
from exporter.daemon.pages.status.rendering import render_status
from exporter.daemon.pages.status.selection import SourceFilter
from tests.support.pages.overviews import EVERY_STANDING, a_source, an_overview

HOSTILE = "</title></script><script>alert(1)</script>"


def test_it_asks_nothing_from_elsewhere_and_all_of_its_links_are_relative() -> None:
    page = render_status(an_overview(*EVERY_STANDING), SourceFilter(), {})
    links = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert {f"{assets.FOLDER}/status.css", f"{assets.FOLDER}/status.js", "metrics"} <= set(links)
    assert [each for each in links if each.startswith("/") or ":" in each] == []


def test_nothing_in_it_needs_an_exception_from_its_policy() -> None:
    page = render_status(an_overview(*EVERY_STANDING), SourceFilter(), {})
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|<script>", page) == []
    assert "unsafe" not in assets.CONTENT_SECURITY_POLICY


def test_every_value_is_escaped() -> None:
    source = a_source(HOSTILE, 3, database=HOSTILE)
    page = render_status(
        an_overview(
            source,
            version=HOSTILE,
            config_failure=HOSTILE,
            databases=(DatabaseOverview(HOSTILE, False, None),),
        ),
        SourceFilter(text=HOSTILE, source=HOSTILE),
        {},
    )
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") > 5


def test_a_reader_without_details_sees_why_there_are_none() -> None:
    sources = [replace(each, details=None) for each in EVERY_STANDING]
    overview = an_overview(*sources, shows_details=False)
    page = render_status(overview, SourceFilter(), {})
    assert "--web.details=everyone" in page
    assert "18 sessions are orphaned; which ones, is for readers who see details." in page
    nobody = render_status(replace(overview, keeps_details=False), SourceFilter(), {})
    assert "are not kept for this page" in nobody


def test_a_database_that_is_down_and_a_config_that_was_not_taken_stand_at_the_top() -> None:
    databases = (DatabaseOverview("app", False, None), DatabaseOverview("other", None, 3.0))
    overview = an_overview(*EVERY_STANDING, databases=databases, config_failure="line 3: no")
    top = render_status(overview, SourceFilter(), {}).partition("<form")[0]
    assert "Database <b>app</b> cannot be reached." in top
    assert "Database other is a replica, 3s behind its primary." in top
    assert "the exporter goes on with the last good one. line 3: no" in top


@pytest.mark.slow  # it takes half a second; how many are chosen is tested of the selection
def test_the_page_of_many_sources_stays_small() -> None:
    many = an_overview(*(a_source(f"s{number}", 200) for number in range(300)))
    page = render_status(many, SourceFilter(), {})
    assert page.count('<li class="source') == 200
    assert "100 more match, which are doing better than these" in page
    assert len(page) < 2_500_000
