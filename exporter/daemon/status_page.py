"""The status page: links, and the outcome of the last collection of each source."""

from html import escape

from exporter import __version__
from exporter.collection.job import Key
from exporter.collection.snapshots import Snapshots, State

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>session-exporter</title></head>
<body>
<h1>session-exporter {version}</h1>
<p><a href="/metrics">/metrics</a> · <a href="/-/healthy">/-/healthy</a> ·
<a href="/-/ready">/-/ready</a></p>
<table>
<thead><tr><th>source</th><th>database</th><th>collector</th><th>last collection</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


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
