"""The status page: links, and the outcome of the last collection of each source."""

from html import escape
from importlib import resources

from exporter import __version__
from exporter.collection.job import Key
from exporter.collection.snapshots import Snapshots, State

_PAGE = resources.files(__package__).joinpath("status_page.html").read_text(encoding="utf-8")


def render(snapshots: Snapshots, now: float) -> str:
    """The page as HTML, at monotonic time `now`."""
    rows = "\n".join(_row(key, state, now) for key, state in snapshots.states.items())
    return _PAGE.format(version=escape(__version__), rows=rows)


def _row(key: Key, state: State, now: float) -> str:
    outcome = state.failure or "not yet"
    if state.succeeded:
        outcome = "succeeded" if state.is_fresh(now) else "too long ago"
    cells = (key.source, key.database, key.collector, outcome)
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
