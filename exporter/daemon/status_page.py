"""The status page: the last collection of each source, and what keeps its recovery from closing."""

from collections.abc import Mapping
from html import escape
from importlib import resources

from exporter import __version__
from exporter.collection.job import Key
from exporter.collection.snapshots import State
from exporter.recovery.decision.brakes import BRAKES, STOPS
from exporter.recovery.status import RecoveryStatus
from exporter.text import number_of

_PAGE = resources.files(__package__).joinpath("status_page.html").read_text(encoding="utf-8")


def status_page(
    states: Mapping[Key, State], recoveries: Mapping[tuple[str, str], RecoveryStatus], now: float
) -> str:
    """The page as HTML at monotonic time `now`.

    `recoveries` are those that are not `disabled`, by database and source.
    """
    rows = [
        *((key.source, key.database, key.collector, _collected(state, now))
          for key, state in states.items()),
        *((source, database, "recovery", _recovered(source, status, now))
          for (database, source), status in recoveries.items()),
    ]  # fmt: skip
    cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    lines = "\n".join(f"<tr>{each}</tr>" for each in cells)
    return _PAGE.format(version=escape(__version__), rows=lines)


def _collected(state: State, now: float) -> str:
    """The outcome of the last collection."""
    if state.succeeded:
        return "succeeded" if state.is_fresh(now) else "too long ago"
    return state.failure or "not yet"


def _recovered(source: str, status: RecoveryStatus, now: float) -> str:
    """The outcome of the last run of recovery: a pause, the brakes, and what is held."""
    if status.brakes is None:
        return "not yet"
    if now > status.expires_at:
        return "too long ago; the log says why"
    found = ["paused"] if status.paused else []
    if on := [brake for brake in BRAKES if brake in status.brakes]:
        found.append(f"brake {', '.join(on)}")
    if status.held:
        found.append(number_of(status.held, "session is held", "sessions are held"))
    if status.paused or status.held or status.brakes.intersection(STOPS):
        found.append(f"`session-exporter resume {source}` shows more")
    return "; ".join(found) or "no brake"
