"""What automatic recovery may close now: pure decisions from the observations of several runs.

Time is an argument, in seconds of a monotonic clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.config import RecoverySettings
from exporter.recovery.decision.brakes import find_brakes
from exporter.recovery.decision.observation import CandidateState, Observation


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known from the runs before; each run makes another one."""

    started_at: float
    """When the grace began: at the start, and again after a failover."""
    server: str | None = None
    counted_at: float | None = None
    """When the last run was that counted for confirmation."""
    silent_at: float | None = None
    """When the application was last silent."""
    known: frozenset[str] = frozenset()
    """The candidates of the last run in which there were not too many new ones."""
    streaks: Mapping[str, tuple[CandidateState, int]] = field(default_factory=dict)
    """The state of each candidate, and for how many runs in a row it has been in it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, and what to remember. `confirmed` are sessions, longest silent first."""

    memory: Memory
    brakes: frozenset[str]
    confirmed: tuple[str, ...]


def decide(
    memory: Memory,
    observation: Observation,
    settings: RecoverySettings,
    *,
    min_interval: float,
    recovery_window: float = 0.0,
) -> Decision:
    """Decide what may be closed. Runs less than `min_interval` seconds apart count as one.

    After a silence the application has `recovery_window` seconds, and `grace` at least, in which
    all of its sessions can show life: one alone that does is not all of them.
    While a brake is on nothing is confirmed, and when it ends confirming starts over.
    """
    at, candidates = observation.at, observation.candidates
    started_at = memory.started_at
    if memory.server is not None and observation.server not in {"", memory.server}:
        started_at = at
    found = find_brakes(
        observation.counts,
        settings,
        # New since the last run without too many, not since the one before: so many orphans at once
        # do not become right by waiting. The brake holds until they live again or are closed.
        new=sum(session not in memory.known for session in candidates),
        is_in_grace=at - started_at < settings.grace,
        blind=observation.blind,
    )
    brakes = frozenset(found)
    silent_at = at if "silent" in brakes else memory.silent_at
    if silent_at is not None and 0 < at - silent_at < max(settings.grace, recovery_window):
        brakes |= {"grace"}
    has_too_many = bool(brakes & {"share", "count"}) or bool(observation.blind)
    is_counted = memory.counted_at is None or at - memory.counted_at >= min_interval
    streaks = {}
    for session, state in candidates.items():
        before, runs = memory.streaks.get(session, (state, 0))
        streaks[session] = state, max(runs + is_counted, 1) if before == state else 1
    remembered = Memory(
        started_at=started_at,
        server=observation.server or memory.server,
        counted_at=at if is_counted else memory.counted_at,
        silent_at=silent_at,
        known=memory.known if has_too_many else frozenset(candidates),
        streaks={} if brakes else streaks,
    )
    confirmed = tuple(s for s, (_, runs) in remembered.streaks.items() if runs >= settings.confirm)
    return Decision(remembered, brakes, confirmed)
