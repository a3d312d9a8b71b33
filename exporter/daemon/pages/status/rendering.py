"""The status page as HTML, from an overview of all sources."""

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.daemon.pages.overview.values import Overview
from exporter.daemon.pages.status import assets, drawings, words
from exporter.daemon.pages.status.notices import notices_of
from exporter.daemon.pages.status.selection import SourceFilter, select
from exporter.text import UNKNOWN, instant, number_of, printable

#: How often an open page asks again, in seconds: as often as there can be something new, within
#: these bounds.
SOONEST, LATEST = 5.0, 30.0


def render_status(
    overview: Overview, selection: SourceFilter, thresholds: Mapping[str, float | None]
) -> str:
    """The page for one reader, who may see what `overview` holds.

    `thresholds` is `orphaned_after` in seconds by source; None: each row has its own.
    """
    template = _environment().get_template("page.html")
    return template.render(
        overview=overview,
        selection=selection,
        selected=select(overview, selection),
        thresholds=thresholds,
        assets=assets.FOLDER,
        every=_pace(overview),
    )


def _pace(overview: Overview) -> float:
    intervals = [each.interval for source in overview.sources for each in source.collectors[:1]]
    return min(max(min(intervals, default=LATEST), SOONEST), LATEST)


@cache
def _environment() -> Environment:
    """Everything in the page is escaped: ids and shown columns are hostile."""
    environment = Environment(
        loader=PackageLoader("exporter.daemon.pages.status"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "brief": words.brief,
        "instant": instant,
        "known": words.known,
        "printable": _printable,
    }
    environment.globals |= {
        "drawings": drawings,
        "notices_of": notices_of,
        "number_of": number_of,
        "words": words,
    }
    return environment


def _printable(value: object) -> str:
    """A value of a row, or of several columns; a control character is shown, NULL is a dash."""
    if value is None:
        return UNKNOWN
    return ", ".join(map(_printable, value)) if isinstance(value, tuple) else printable(str(value))
