"""What an observation must be, computed in Python from rows whose ages the test has chosen.

Ages are seconds before the observation; no age is near a boundary of the rule.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

AFTER, HALF = 3600.0, 1800.0
MAX_AGE = 7 * 86400.0
TOLERANCE = 60.0
MOST = 4  # twice max_count

#: On both sides of each boundary, and one in the future.
AGES = (
    -600,
    -30,
    120,
    1500,
    1700,
    1900,
    3500,
    3700,
    5300,
    5500,
    7100,
    7300,
    80_000,
    95_000,
    700_000,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One active session."""

    id: int | None
    started: float | None
    seen: float | None
    owner: str | None
    is_alive: bool
    is_exempt: bool
    is_undone: bool
    closures: int

    @property
    def last_seen(self) -> float | None:
        return min((age for age in (self.started, self.seen) if age is not None), default=None)


def random_rows(chance: random.Random, *, has_heartbeat: bool) -> list[Row]:
    def age(number: int, rarely: float) -> float | None:
        # Never two of the same, so that the order is known.
        return None if chance.random() < rarely else chance.choice(AGES) + number * 2.0

    def happens(rarely: float, id_: int | None) -> bool:
        return id_ is not None and chance.random() < rarely

    ids = [None if chance.random() < 0.05 else number for number in range(chance.randint(0, 25))]
    return [
        Row(
            id=id_,
            started=age(number, 0.1),
            seen=age(number, 0.2) if has_heartbeat else None,
            owner=chance.choice(["a", "b", None]),
            is_alive=happens(0.1, id_),
            is_exempt=happens(0.1, id_),
            is_undone=happens(0.1, id_),
            closures=chance.choice([0, 0, 0, 2, 3]),
        )
        for number, id_ in enumerate(ids)
    ]


@dataclass(frozen=True, slots=True)
class Expected:
    """What an observation says, whose ages are those of `until`, `stopped` and `resumed`."""

    rows: Sequence[Row]
    has_heartbeat: bool
    until: float | None
    stopped: float | None
    resumed: float | None

    @property
    def counts(self) -> Mapping[str, int]:
        return Counter(self._category(row) for row in self.rows)

    @property
    def beating(self) -> int:
        return sum(map(self._beats, self.rows))

    @property
    def wave(self) -> int:
        """The most that became orphaned within HALF of each other."""
        first = float("inf") if self.until is None else self.until + HALF + AFTER
        first = min(first, self._judged)
        ages = [age for row in self._closable() if (age := row.last_seen or 0.0) <= first]
        return max((sum(each <= age <= each + HALF for age in ages) for each in ages), default=0)

    @property
    def held(self) -> int:
        if self.stopped is None or (self.resumed is not None and self.stopped > self.resumed):
            return 0  # a person has resumed a newer one
        if self.until is not None and self.until <= self.stopped - 60:
            return 0  # it has ended: later no brake was on
        return sum((row.last_seen or 0.0) > self.stopped for row in self._closable())

    @property
    def candidates(self) -> list[str]:
        """Longest silent first."""
        closable = sorted(self._closable(), key=lambda row: row.last_seen or 0.0, reverse=True)
        return [str(row.id) for row in closable[:MOST]]

    @property
    def watched(self) -> dict[str, float]:
        """How long ago each became orphaned."""
        return {str(row.id): (row.last_seen or 0.0) - AFTER for row in self._closable()}

    @property
    def owners(self) -> dict[str, tuple[int, int, int]]:
        orphans = [row for row in self._closable() if (row.last_seen or 0.0) <= self._judged]
        return {
            owner: (
                sum(row.owner == owner for row in self.rows)
                - sum(row.owner == owner for row in self._orphans())
                + sum(row.owner == owner for row in self._closable()),
                sum(row.owner == owner and self._shows_owner(row) for row in self.rows),
                sum(row.owner == owner for row in orphans),
            )
            for owner in {row.owner for row in self.rows if row.owner is not None}
        }

    def _category(self, row: Row) -> str:
        age = row.last_seen
        if age is None:
            return "unknown"
        reasons = {
            "unknown": age < -TOLERANCE,
            "live": age <= self._quiet,
            "quiet": age <= AFTER,
            "alive": row.is_alive,
            "nameless": row.id is None,
            "exempt": row.is_exempt,
            "backlog": age > MAX_AGE,
            "ready": True,
        }
        return next(category for category, is_one in reasons.items() if is_one)

    @property
    def _judged(self) -> float:
        """Silent for so long at most: what a person, who has resumed just now, has not seen."""
        return float("inf") if self.resumed is None else max(self.resumed, AFTER)

    @property
    def _quiet(self) -> float:
        return HALF if self.has_heartbeat else AFTER

    def _beats(self, row: Row) -> bool:
        age = row.seen if self.has_heartbeat else row.started
        if age is None or not -TOLERANCE <= age <= self._quiet:
            return False
        return not self.has_heartbeat or row.started is None or age < row.started - 10

    def _shows_owner(self, row: Row) -> bool:
        """Without heartbeats no session can fall silent, and none says anything of its owner."""
        return self._beats(row) or not self.has_heartbeat

    def _orphans(self) -> list[Row]:
        return [row for row in self.rows if self._category(row) == "ready"]

    def _closable(self) -> list[Row]:
        return [row for row in self._orphans() if not row.is_undone and row.closures < 3]
