"""What automatic recovery may close now: pure decisions from what two runs have seen.

Nothing in here knows a database or a clock: time is an argument, in seconds of a monotonic clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.config import RecoverySettings
from exporter.recovery.plan import FEWEST_FOR_SHARE, SessionCounts

BRAKES = ("share", "count", "grace", "silent", "blind")

#: From this many active sessions on, silence in all of them is the application's.
FEWEST_FOR_SILENCE = 3


class CandidateState(NamedTuple):
    """How a candidate looked: any change of its row, and any sign of life, makes another one."""

    version: str
    last_seen: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run has seen. `server` is another value after a restart or a failover."""

    at: float
    fates: SessionCounts
    looks: Mapping[str, CandidateState]
    server: str
    is_blind: bool = False
    why: str = ""
    """Why it is blind, for the log."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known from the runs before; made anew by each run."""

    started_at: float
    """When the grace began: at the start, and again after a failover."""
    server: str | None = None
    seen_at: float | None = None
    silent_at: float | None = None
    """When the application was last silent."""
    looks: Mapping[str, CandidateState] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    """The candidates of the last run in which not too many had turned up."""
    times: Mapping[str, int] = field(default_factory=dict)
    """In how many runs in a row each candidate has looked the same."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and what to remember. `confirmed` are sessions, longest silent first."""

    memory: Memory
    brakes: frozenset[str]
    confirmed: tuple[str, ...]


def decide(
    memory: Memory,
    sight: Observation,
    rule: RecoverySettings,
    *,
    apart: float,
    recovery_window: float = 0.0,
) -> Decision:
    """Decide what may be closed. Runs that are not `apart` seconds apart count as one.

    An application that was silent has `recovery_window` seconds, and `grace` at least, in which all
    of its sessions can show that they live: one alone that does is not all of them.
    While a brake is on nothing is confirmed, and when it ends confirming starts over.
    """
    started_at = memory.started_at
    if memory.server is not None and sight.server not in {"", memory.server}:
        started_at = sight.at
    brakes = _brakes(memory, sight, rule, started_at)
    silent_at = sight.at if "silent" in brakes else memory.silent_at
    if silent_at is not None and 0 < sight.at - silent_at < max(rule.grace, recovery_window):
        brakes |= {"grace"}
    too_many = bool(brakes & {"share", "count"}) or sight.is_blind
    is_counted = memory.seen_at is None or sight.at - memory.seen_at >= apart
    times = {
        session: _times(memory, session, look, is_counted=is_counted)
        for session, look in sight.looks.items()
    }
    remembered = Memory(
        started_at=started_at,
        server=sight.server or memory.server,
        seen_at=sight.at if is_counted else memory.seen_at,
        silent_at=silent_at,
        looks=memory.looks if sight.is_blind else sight.looks,
        known=memory.known if too_many else frozenset(sight.looks),
        times={} if brakes else times,
    )
    confirmed = () if brakes else tuple(s for s, n in times.items() if n >= rule.confirm)
    return Decision(remembered, brakes, confirmed)


def _times(memory: Memory, session: str, look: CandidateState, *, is_counted: bool) -> int:
    if memory.looks.get(session) != look:
        return 1
    before = memory.times.get(session, 0)
    return max(before + is_counted, 1)


def _brakes(
    memory: Memory, sight: Observation, rule: RecoverySettings, started_at: float
) -> frozenset[str]:
    fates = sight.fates
    # Since the last calm run, and not only since the one before: that many sessions are orphaned at
    # once does not become right by waiting, and holds until somebody has looked or they live again.
    new = sum(session not in memory.known for session in sight.looks)
    # What is backlog was lost long ago, and says nothing of how many are lost now.
    current = fates.active - fates.backlog
    conditions = {
        "share": fates.active >= FEWEST_FOR_SHARE and new > rule.max_share * current,
        "count": new > rule.max_count,
        "grace": sight.at - started_at < rule.grace,
        "silent": fates.active >= FEWEST_FOR_SILENCE and not fates.live,
        "blind": sight.is_blind,
    }
    return frozenset(brake for brake, is_on in conditions.items() if is_on)
