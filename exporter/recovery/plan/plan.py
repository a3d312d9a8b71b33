"""The plan of a recovery by hand, and reasons against it. Nothing is written."""

from dataclasses import asdict, dataclass, replace

from exporter.config import Source, format_duration
from exporter.errors import BadData, EvidenceUnreadable
from exporter.postgres import Reader
from exporter.recovery.audit.control import find_pause_or_error
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.candidates import count_undone, read_previews
from exporter.recovery.close.chosen import NEVER_CLOSED, Chosen, explain_unselected
from exporter.recovery.decision.brakes import find_brakes
from exporter.recovery.decision.observation import Observation, SessionCounts
from exporter.recovery.functions.installed import InstalledFunction, find_recover_function
from exporter.recovery.plan.counts import count_sessions
from exporter.recovery.plan.observer import Observer
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import check_rule
from exporter.recovery.rule.limits import Limits, check_ids
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection, sessions_by_hand
from exporter.recovery.status import Pause
from exporter.text import number_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Chosen):
    """The sessions that would be closed, and reasons against closing them."""

    observation: Observation
    """The observation of the whole source, regardless of limits; brakes are judged on it."""
    with_undone: bool
    """Whether sessions that a person has undone are closed too."""
    undone: int
    """The number of these sessions."""
    future_ends: str
    """The error if sessions would get an end in the future."""
    function: InstalledFunction | None
    """The function that closes the sessions, if statements do not."""
    pause: Pause | None
    """The pause of automatic recovery; it does not apply by hand."""
    pause_error: str
    """Why it is unknown whether there is one."""

    @property
    def counts(self) -> SessionCounts:
        return self.observation.counts

    @property
    def eligible(self) -> int:
        """How many would be closed without limits."""
        kept = 0 if self.with_undone else self.undone
        return _eligible(self.counts, self.selection, kept=kept)

    @property
    def brakes(self) -> list[str]:
        """A sentence for each brake, also for a stop in force; by hand there is no grace.

        A wave of orphans does not become plausible because only a part of it is to be closed.
        """
        settings = self.selection.rule.table.source.recovery
        return [*find_brakes(self.observation, settings).values()]


async def make_plan(
    reader: Reader,
    source: Source,
    *,
    with_backlog: bool,
    with_undone: bool = False,
    show: int,
    limits: Limits,
) -> Plan:
    """Check everything, count, and preview up to `show` sessions.

    For a source with owners or a list, the transactions of the reader have their evidence.
    Raises SourceError, and UsageError for an id that the column's type cannot hold.
    """
    rule = await bind_rule(reader, source)
    await check_ids(reader, rule, limits.ids)
    function = await find_recover_function(reader, rule)
    await check_rule(reader, rule, writes=function is None)
    await require_audit(reader)
    observation = await observe_by_hand(reader, rule, is_audited=True)
    if source.list is not None:  # listed sessions are closed only by hand
        observation = replace(observation, counts=await count_sessions(reader, rule))
    selection = sessions_by_hand(rule, with_backlog=with_backlog, with_undone=with_undone)
    everything = sessions_by_hand(rule, with_backlog=with_backlog, with_undone=True)

    async def count_categories(only: str) -> dict[str, int]:
        undone = 0 if with_undone else await count_undone(reader, everything, only=only)
        return {"undone": undone} | asdict(await count_sessions(reader, rule, only=only))

    undone = await count_undone(reader, everything)
    chosen, chosen_undone = observation.counts, undone
    if limits.options:
        only = limits.condition(rule)
        chosen = await count_sessions(reader, rule, only=only)
        chosen_undone = await count_undone(reader, everything, only=only)
    selected = _eligible(chosen, selection, kept=0 if with_undone else chosen_undone)
    selection, count = limits.apply(selection, selected)
    left = left_alone(selection, with_undone=with_undone)
    why = dict.fromkeys(("live", "quiet", "unknown"), "not orphaned") | left
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
        with_undone=with_undone,
        undone=undone,
        undone_count=await count_undone(reader, selection) if with_undone and undone else 0,
        future_ends=ends,
        hidden=hidden,
        function=function,
        pause=pause,
        pause_error=pause_error,
    )


def _eligible(counts: SessionCounts, selection: Selection, *, kept: int) -> int:
    """How many of them can be closed, without those `kept` because they were undone."""
    return max(counts.ready + (counts.backlog if selection.with_backlog else 0) - kept, 0)


def left_alone(selection: Selection, *, with_undone: bool) -> dict[str, str]:
    """Why orphaned sessions are not closed, by category of SessionCounts, and `undone`."""
    why = {
        "alive": "alive, by recovery.evidence",
        "nameless": "without an id",
        **NEVER_CLOSED,
    }
    if not selection.with_backlog:
        longest = format_duration(selection.rule.table.source.recovery.max_age)
        why["backlog"] = f"backlog, not seen for more than {longest}; see --backlog"
    if not with_undone:
        why["undone"] = "undone by a person, and no life seen since; see --undone"
    return why


async def observe_by_hand(reader: Reader, rule: Rule, *, is_audited: bool) -> Observation:
    """Observe once, as automatic recovery does.

    Raises SourceError, and EvidenceUnreadable with the message of the brake `blind`.
    """
    source = rule.table.source
    observer = Observer(source, looks_back=False)
    observation = await observer.observe(reader, rule, at=0.0, is_audited=is_audited)
    require_evidence(observation, source)
    return observation


def require_evidence(observation: Observation, source: Source) -> None:
    """Raise EvidenceUnreadable if it is unknown which sessions the evidence proves alive."""
    if observation.blind:
        raise EvidenceUnreadable(
            f"{find_brakes(observation, source.recovery)['blind']}; nothing is closed, by hand "
            "either, while it is unknown which sessions live: correct this expression, or "
            "grant the right to read what it names"
        )


async def future_ends(reader: Reader, selection: Selection) -> str:
    """The error if sessions that would be closed now would get an end in the future."""
    is_ahead = selection.rule.is_ahead(is_written=False)
    statement = selection.statement("recovery/plan/future_ends", is_ahead=is_ahead)
    try:
        count = await reader.value(statement)
    except BadData:
        return ""  # a bad value of one session, which closing sets aside
    if not count:
        return ""
    sessions = number_of(count, "session", "sessions")
    return (
        f"{sessions} would get an end in the future, which is refused; write end_at as "
        "least(now(), …)"
    )
