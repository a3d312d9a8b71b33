"""What a recovery by hand would do now, and what speaks against it. Nothing is written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from exporter.config import Source, format_duration
from exporter.errors import BadData, SourceError
from exporter.postgres import Reader
from exporter.recovery.audit.control import Pause, find_pause_or_error
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.candidates import Preview, read_previews
from exporter.recovery.close.named import explain_unselected
from exporter.recovery.decision.brakes import find_brakes
from exporter.recovery.decision.observation import Observation, SessionCounts
from exporter.recovery.functions.installed import InstalledFunction, find_recover_function
from exporter.recovery.plan.counts import count_sessions
from exporter.recovery.plan.observer import Observer
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from exporter.recovery.rule.limits import Limits, check_ids
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection, orphaned_sessions


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, with the sessions that were silent for longest first."""

    selection: Selection
    limits: Limits
    observation: Observation
    """Of the whole source, whatever the limits are; the brakes are judged on it."""
    selected: int
    """How many sessions that can be closed --id and --older-than choose."""
    count: int
    """How many of them would be closed: no more than --limit."""
    unselected: Mapping[str, str]
    """Why sessions that --id names would not be closed, by id."""
    previews: tuple[Preview, ...]
    future_ends: str = ""
    """What is wrong where sessions would get an end in the future."""
    hidden: str = ""
    """Why there are no previews."""
    function: InstalledFunction | None = None
    """What closes the sessions, where that is not done by statements."""
    pause: Pause | None = None
    """That of automatic recovery; it does not hold by hand."""
    pause_error: str = ""
    """Why it is not known whether there is one."""

    @property
    def counts(self) -> SessionCounts:
        return self.observation.counts

    @property
    def eligible(self) -> int:
        """How many would be closed without limits."""
        return _eligible(self.counts, self.selection)

    @property
    def brakes(self) -> list[str]:
        """A sentence for each brake, also for one that lasts; by hand there is no grace.

        A wave of orphans does not become right because only a part of it is to be closed.
        """
        settings = self.selection.rule.table.source.recovery
        return [*find_brakes(self.observation, settings).values()]


async def make_plan(
    reader: Reader, source: Source, *, with_backlog: bool, show: int, limits: Limits
) -> Plan:
    """Check everything, count, and preview up to `show` sessions.

    Raises SourceError, and UsageError for an id that the column's type cannot hold.
    """
    rule = await bind_rule(reader, source)
    await check_ids(reader, rule, limits.ids)
    function = await find_recover_function(reader, rule)
    await check_rule(reader, rule, writes=function is None)
    await require_audit(reader)
    observation = await observe_by_hand(reader, rule, is_audited=True)
    chosen = observation.counts
    if limits.options:
        chosen = await count_sessions(reader, rule, only=limits.condition(rule))
    selection = orphaned_sessions(rule, with_backlog=with_backlog)
    selected = _eligible(chosen, selection)
    selection, count = limits.apply(selection, selected)

    async def count_categories(only: str) -> Mapping[str, int]:
        return asdict(await count_sessions(reader, rule, only=only))

    why = dict.fromkeys(("live", "quiet", "unknown"), "not orphaned") | left_alone(selection)
    unselected = await explain_unselected(reader, selection, limits, count_categories, why)
    ends = await future_ends(reader, selection)
    previews, hidden = await read_previews(reader, selection, show=min(show, count))
    pause, pause_error = await find_pause_or_error(reader, source.name)
    return Plan(
        selection=selection,
        limits=limits,
        observation=observation,
        selected=selected,
        count=count,
        unselected=unselected,
        previews=previews,
        future_ends=ends,
        hidden=hidden,
        function=function,
        pause=pause,
        pause_error=pause_error,
    )


def _eligible(counts: SessionCounts, selection: Selection) -> int:
    return counts.ready + (counts.backlog if selection.with_backlog else 0)


def left_alone(selection: Selection) -> dict[str, str]:
    """Why orphaned sessions are not closed, by the category of SessionCounts."""
    why = {
        "alive": "alive, by recovery.evidence",
        "nameless": "without an id",
        "exempt": "protected, by recovery.exempt",
        "endless": "without an end: recovery.end_at gives none, or one before the start",
    }
    if not selection.with_backlog:
        longest = format_duration(selection.rule.table.source.recovery.max_age)
        why["backlog"] = f"backlog, not seen for more than {longest}; see --backlog"
    return why


async def observe_by_hand(reader: Reader, rule: Rule, *, is_audited: bool) -> Observation:
    """Observe once what automatic recovery observes.

    Raises SourceError, in the words of the brake `blind` where the evidence cannot be read.
    """
    source = rule.table.source
    observer = Observer(source, looks_back=False)
    observation = await observer.observe(reader, rule, at=0.0, is_audited=is_audited)
    require_sight(observation, source)
    return observation


def require_sight(observation: Observation, source: Source) -> None:
    """Raise SourceError, in the words of the brake, where the evidence cannot be read."""
    if observation.blind:
        raise SourceError(find_brakes(observation, source.recovery)["blind"])


async def future_ends(reader: Reader, selection: Selection) -> str:
    """What is wrong where sessions that would be closed now would get an end in the future."""
    is_ahead = selection.rule.is_ahead(is_written=False)
    statement = selection.statement("recovery/plan/future_ends", is_ahead=is_ahead)
    try:
        count = await reader.value(statement)
    except BadData:
        return ""  # of one session, which closing sets aside
    if not count:
        return ""
    return (
        f"{count} of them would get an end in the future, which is refused; write end_at as "
        "least(now(), …)"
    )
