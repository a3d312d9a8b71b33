"""The sessions that automatic recovery may close now: pure decisions from several observations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from exporter.clock import Offsets, was_set
from exporter.config import RecoverySettings
from exporter.recovery.decision.brakes import STOPS, find_brakes, stop_in_force
from exporter.recovery.decision.budget import day_limit, left_today
from exporter.recovery.decision.observation import CandidateState, Observation, Stop
from exporter.sessions.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of earlier runs; each run creates a new one. Times are monotonic."""

    started_at: float
    """When the grace began: at the start, and again after a failover."""
    start_pause: float | None = None
    """For how long the grace lasts, in seconds; None before the first run."""
    server: str | None = None
    failed_over_at: float | None = None
    """When the server last changed."""
    counted_at: float | None = None
    """The time of the last run that counted for confirmation."""
    silent_at: float | None = None
    """When the application was last silent."""
    clock_offsets: Offsets | None = None
    """The offset of the database's clock."""
    clock_moved_at: float | None = None
    streaks: Mapping[str, tuple[CandidateState, int]] = field(default_factory=dict)
    """The state of each candidate, and the number of consecutive runs in that state."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision for now, and the memory for the next run."""

    memory: Memory
    brakes: Mapping[str, str]
    """The brakes that are on, each with the reason as a sentence."""
    confirmed: tuple[str, ...]
    """Sessions that may be closed now, longest silent first."""
    held: int
    """Sessions that wait for a person, or for the budget of the next day."""
    day_limit: int | None
    """The most sessions of a day; None where only `per_hour` limits them."""
    stop: Stop | None
    """The stop that begins now."""

    @property
    def is_judged(self) -> bool:
        """Whether the present orphans are no wave, as far as is known."""
        return not self.brakes


def decide(
    memory: Memory,
    observation: Observation,
    settings: RecoverySettings,
    *,
    half: float,
    min_interval: float,
    tried: Mapping[str, float] = MappingProxyType({}),
) -> Decision:
    """Decide what may be closed; `half` is Observation.half, in seconds.

    Runs less than `min_interval` seconds apart count as one.

    Sessions that were `tried` without success come after all others, in the order of the attempts.

    After a silence, a step of the clock, and a start (unless the orphans were judged shortly before
    it), nothing is closed for pause_time(); a start lasts as long as owners and lists are unknown
    from the beginning. While a brake is on nothing is confirmed, and afterwards confirmation starts
    again. A start, or a silence that has ended, does not hold sessions that owners and lists prove
    lost: these have answered throughout their own `grace` and `ghost_after`.
    """
    at, pause = observation.at, pause_time(settings, half)
    started_at, moved_at = memory.started_at, memory.clock_moved_at
    start_pause, judged_until = memory.start_pause, observation.control.judged_until
    if start_pause is None and observation.is_evidence_unknown:
        started_at = at  # the first answers may be from a restarted application
    elif start_pause is None and (half or not observation.blind):
        was_judged = judged_until is not None and observation.now - judged_until < half / 4
        start_pause = settings.grace if was_judged else pause
    failed_over_at = memory.failed_over_at
    if memory.server is not None and observation.server not in {"", memory.server}:
        started_at, start_pause, failed_over_at = at, settings.grace, at
    offsets = observation.now - observation.until, observation.now - at
    if memory.clock_offsets is not None and was_set(memory.clock_offsets, offsets):
        moved_at = at
    brakes = find_brakes(
        observation,
        settings,
        has_moved_clock=_is_recent(moved_at, at, pause),
        is_in_grace=not observation.is_evidence_unknown
        and (start_pause is None or at - started_at < start_pause),
    )
    silent_at = at if "silent" in brakes else memory.silent_at
    if "silent" not in brakes and _is_recent(silent_at, at, pause):
        brakes.setdefault("grace", "grace: the application was silent a short while ago")
    new_stop = find_stop(observation, brakes)
    is_counted = memory.counted_at is None or at - memory.counted_at >= min_interval
    streaks = {}
    holds_proved = bool(brakes.keys() - {"grace"}) or _is_recent(failed_over_at, at, settings.grace)
    for session, state in observation.candidates.items():
        if brakes and (holds_proved or not is_proved(observation, state)):
            continue
        before, runs = memory.streaks.get(session, (state, 0))
        streaks[session] = state, max(runs + is_counted, 1) if before == state else 1
    remembered = Memory(
        started_at=started_at,
        start_pause=start_pause,
        server=observation.server or memory.server,
        failed_over_at=failed_over_at,
        counted_at=at if is_counted else memory.counted_at,
        silent_at=silent_at,
        clock_offsets=offsets,
        clock_moved_at=moved_at,
        streaks=streaks,
    )
    settled_before = _settled_before(observation, half)
    settled = [
        session
        for session, (state, runs) in remembered.streaks.items()
        if runs >= settings.confirm
        and (state.orphaned_at < settled_before or is_proved(observation, state))
    ]
    settled.sort(key=lambda session: tried.get(session, float("-inf")))
    free = {each for each in settled if is_proved(observation, observation.candidates[each])}
    limited = [each for each in settled if each not in free][: left_today(observation)]
    confirmed = free.union(limited)
    held = observation.control.held
    if not brakes and not held:
        held = _over_budget(observation, settled_before, closed_freely=len(free))
    return Decision(
        memory=remembered,
        brakes=brakes,
        confirmed=tuple(each for each in settled if each in confirmed),
        held=observation.closable if new_stop is not None else held,
        day_limit=day_limit(observation),
        stop=new_stop,
    )


def pause_time(settings: RecoverySettings, half: float) -> float:
    """The time in seconds for all sessions to show life; a single session is not enough."""
    return max(settings.grace, half)


def find_stop(observation: Observation, brakes: Mapping[str, str]) -> Stop | None:
    """A stop that begins now, if there are sessions to hold.

    A stop because sessions return replaces another stop, which would end when all of them returned.
    """
    lasting = stop_in_force(observation)
    causes = [brake for brake in STOPS if brake in brakes]
    if lasting is not None:
        causes = [brake for brake in causes if brake == "returned" != lasting.brake]
    if not causes or not observation.closable:
        return None
    _, _, why = brakes[causes[0]].partition(": ")
    return Stop(observation.now, causes[0], why)


def _over_budget(observation: Observation, settled_before: float, *, closed_freely: int) -> int:
    """The number of settled sessions that wait for the budget of the next day."""
    left = left_today(observation)
    settled = sum(at < settled_before for at in observation.orphaned_at.values())
    return 0 if left is None else max(0, settled - closed_freely - left)


def _settled_before(observation: Observation, half: float) -> float:
    """Sessions that became orphaned before this time have settled.

    They have been orphaned, and the rule observed, for half of `orphaned_after`: a wave is visible.
    """
    since = observation.control.observed_since
    if since is None or observation.now - since < half:
        return float("-inf")
    return observation.now - half


def is_proved(observation: Observation, state: CandidateState) -> bool:
    """Whether a candidate is known to be lost, by its own evidence or its owner's."""
    if state.is_proved:
        return True
    owner = observation.owners.get(state.owner or "")
    return owner is not None and owner.is_dead


def is_still_proved(session: str, state: CandidateState, verdict: Verdict) -> bool:
    """Whether a later verdict still proves it.

    It could also be closed by its age alone, but then it has to settle, and needs budget.
    """
    is_ghost = session in verdict.ghosts and session not in verdict.listed
    return is_ghost or state.owner in verdict.dead_owners


def _is_recent(moment: float | None, at: float, seconds: float) -> bool:
    return moment is not None and at - moment < seconds
