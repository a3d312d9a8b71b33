"""The state of recovery of each source, as the metrics report it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, get_args

from exporter.errors import REASONS

Trigger = Literal["auto", "manual", "close"]
TRIGGERS: tuple[str, ...] = get_args(Trigger)

#: Why a recovery failed: the reasons of a collection, or a constraint or trigger of the application
#: prevented the change of a row.
FAILURES = (*REASONS, "refused")

#: Why confirmed sessions were not closed: the budget of the hour or of the day, a row that another
#: transaction has locked or changed, a pause.
SKIPS = ("budget", "busy", "paused")


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that is on. `at` is Unix time; `role` has set it."""

    at: float
    role: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `at` is Unix time; `undone` of its sessions were undone."""

    run: uuid.UUID
    source: str
    trigger: str
    role: str
    at: float
    sessions: int
    undone: int
    reason: str | None
    """The reason for closing that a person has given."""
    undo_reason: str | None


@dataclass(frozen=True, slots=True, eq=False)
class RecoveryStatus:
    """One source in one database. None is unknown. `last_run` is Unix time."""

    recovered: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(TRIGGERS, 0))
    undone: int = 0
    contradicted: int = 0
    failed: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(FAILURES, 0))
    skipped: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(SKIPS, 0))
    brakes: frozenset[str] | None = None
    paused: bool | None = None
    candidates: int | None = None
    held: int | None = None
    returned: int | None = None
    last_run: float | None = None
    expires_at: float = float("-inf")
    """The monotonic time after which brakes, paused and candidates are no longer served."""
    why: Mapping[str, str] = field(default_factory=dict)
    """The meaning of each brake, as a sentence."""
    braked_since: Mapping[str, float] = field(default_factory=dict)
    """Since when each of them is on, as Unix time; of a stop, by the database's clock."""
    pause: Pause | None = None
    runs: tuple[Run, ...] = ()
    """The newest, where they are kept."""
    reason: str | None = None
    """Why the last run failed, as one word, and in `failure` as a sentence."""
    failure: str | None = None


class RecoveryStatuses:
    """The store. Values are immutable and replaced whole; `version` grows with every change."""

    def __init__(
        self,
        pairs: Iterable[tuple[str, str]],
        before: Mapping[tuple[str, str], RecoveryStatus] = MappingProxyType({}),
    ) -> None:
        """`pairs` are the databases and sources with an id, which recovery needs.

        Their state continues from `before`, if known there.
        """
        self.by_pair = {pair: before.get(pair) or RecoveryStatus() for pair in pairs}
        self.version = 0

    def change(self, pair: tuple[str, str], **changes: object) -> None:
        self.by_pair[pair] = replace(self.by_pair[pair], **changes)  # type: ignore[arg-type] # fields
        self.version += 1
