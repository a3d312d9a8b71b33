"""How recovery of each source is doing, as the metrics tell it. Immutable, and replaced whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.errors import REASONS

TRIGGERS = ("auto", "manual", "close")

#: Why a recovery failed: as a collection does, or because the application's own constraint or
#: trigger did not let a row be changed.
FAILURES = (*REASONS, "refused")

#: Why confirmed sessions were not closed: the hour's budget, somebody who worked on them, a pause.
SKIPS = ("budget", "busy", "paused")


@dataclass(frozen=True, slots=True, eq=False)
class RecoveryState:
    """One source in one database. None is unknown. `last_run` is Unix time."""

    recovered: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(TRIGGERS, 0))
    undone: int = 0
    contradicted: int = 0
    failed: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(FAILURES, 0))
    skipped: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SKIPS, 0))
    brakes: frozenset[str] | None = None
    paused: bool | None = None
    candidates: int | None = None
    last_run: float | None = None
    expires_at: float = float("-inf")
    """The monotonic time after which brakes, paused and candidates are no longer served."""
