"""A history of one chat that is made up, to show that the judge finds what is wrong with it."""

from datetime import UTC, datetime
from typing import Any

from tests.support.recovery.worlds.stress.history import Event

Row = dict[str, Any]

#: How long a transaction takes, in seconds.
LASTS = 0.1


class Forged:
    """Events, each in a transaction that is committed at the given second."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.row: Row = {"id": 1}
        self.closed: dict[int, Row] = {}
        """By the number of the audit row, the chat as it was before."""

    def starts(self, at: float) -> None:
        self.writes(at, started_at=moment(at))
        self.events.clear()
        self.is_reopened(at)

    def lives(self, at: float) -> None:
        self.writes(at, last_seen_at=moment(at))

    def is_reopened(self, at: float) -> None:
        self.writes(at, is_active=True, ended_at=None, ended_by=None, last_seen_at=moment(at))

    def ends(self, at: float) -> None:
        self.writes(at, is_active=False, ended_at=moment(at), ended_by="application")

    def sends(self, at: float) -> None:
        self._add("message", at, None, {"at": moment(at)})

    def is_present(self, at: float, *, known_at: float | None) -> None:
        self._add("presence", at, None, {"at": moment(at)}, known_at=known_at)

    def is_closed(self, at: float, *, trigger: str = "manual", audits: int = 1) -> int:
        """By recovery; returns the number of the audit row."""
        before = self.row
        end = {"ended_at": self.row["last_seen_at"], "ended_by": "recovery"}
        self.writes(at, by_exporter=True, is_active=False, **end)
        number = self.events[-1].number
        self.closed[number] = before
        for _ in range(audits):
            self.is_audited(at, number, trigger)
        return number

    def is_audited(self, at: float, number: int, trigger: str = "manual") -> None:
        self._add("closed", at, None, {"number": number, "trigger": trigger}, by_exporter=True)

    def is_undone(self, at: float, number: int, **values: Any) -> None:
        """To what the chat was before, but for the values."""
        names = ("is_active", "ended_at", "ended_by")
        restored = {name: self.closed[number][name] for name in names}
        self.writes(at, by_exporter=True, **(restored | values))
        after = {"number": number, "trigger": "manual"}
        self._add("undone", at, after, after, by_exporter=True)

    def writes(self, at: float, *, by_exporter: bool = False, **values: Any) -> None:
        before = self.row if self.events else None
        self.row = self.row | values
        self._add("row", at, before, self.row, by_exporter=by_exporter)

    def _add(
        self,
        kind: str,
        at: float,
        before: Row | None,
        after: Row,
        *,
        by_exporter: bool = False,
        known_at: float | None = None,
    ) -> None:
        self.events.append(
            Event(
                number=len(self.events) + 1,
                xid=round(at * 1000),
                kind=kind,
                chat=1,
                before=before,
                after=after,
                by_exporter=by_exporter,
                began=at - LASTS,
                looked_at=at - LASTS,
                committed=at,
                known_at=known_at,
            )
        )


def moment(at: float) -> str:
    """A Unix time as PostgreSQL writes it in JSON."""
    return datetime.fromtimestamp(at, UTC).isoformat()
