"""What a recovery would do now, and what speaks against it. Reader only."""

from dataclasses import dataclass, replace

from exporter.errors import BadData
from exporter.postgres import Reader
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.candidates import Preview, read_previews
from exporter.recovery.rule.failing_expression import name_failing_key
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphaned_sessions, selected
from exporter.sessions import interval

#: From this many active sessions on, a share of them means something.
FEWEST_FOR_SHARE = 20


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """The active sessions, by what becomes of them."""

    live: int = 0
    """Seen of late: within quiet_after()."""
    quiet: int = 0
    """Neither that nor orphaned."""
    unknown: int = 0
    """Without any time, or with one that is still to come: nobody knows whether they live."""
    alive: int = 0
    """Orphaned by the clock, and proved alive by `evidence`."""
    nameless: int = 0
    """Without an id, so that nobody could say which they were."""
    exempt: int = 0
    endless: int = 0
    """`end_at` gives no end for them."""
    backlog: int = 0
    ready: int = 0

    @property
    def active(self) -> int:
        """All of them."""
        return self.live + self.quiet + self.unknown + self.orphaned

    @property
    def orphaned(self) -> int:
        """Those that the metrics call orphaned."""
        kept = self.alive + self.nameless + self.exempt + self.endless
        return kept + self.backlog + self.ready


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, with the sessions that were silent for longest first."""

    rule: Rule
    fates: SessionCounts
    with_backlog: bool
    brakes: tuple[str, ...]
    previews: tuple[Preview, ...]
    ahead: int = 0
    """How many would end in the future."""
    hidden: str = ""
    """Why there are no previews."""

    @property
    def count(self) -> int:
        """How many sessions would be closed."""
        return self.fates.ready + (self.fates.backlog if self.with_backlog else 0)


async def count_sessions(reader: Reader, rule: Rule) -> SessionCounts:
    """Count the active sessions by what becomes of them."""
    (counted,) = await reader.read(_counting(rule))
    return SessionCounts(**dict(counted.rows))


async def make_plan(reader: Reader, rule: Rule, *, with_backlog: bool, limit: int) -> Plan:
    """Count, and preview up to `limit` sessions. Raises SourceError."""
    await require_audit(reader)
    selection = orphaned_sessions(rule, with_backlog=with_backlog)
    try:
        (counted,) = await reader.read(_counting(rule))
        ahead = await count_ahead(reader, rule, with_backlog=with_backlog)
    except BadData as error:
        raise await name_failing_key(reader, rule, error) from None
    try:
        previews, hidden = await read_previews(reader, rule, selection, limit=limit), ""
    except BadData as error:  # closing sets such a session aside, and the others go on
        previews, hidden = (), str(await name_failing_key(reader, rule, error))
    fates = SessionCounts(**dict(counted.rows))
    plan = Plan(rule, fates, with_backlog, (), previews)
    return replace(plan, brakes=tuple(brakes_of(plan)), ahead=ahead, hidden=hidden)


async def count_ahead(reader: Reader, rule: Rule, *, with_backlog: bool) -> int:
    """How many of the sessions that would be closed now would get an end in the future."""
    selection = orphaned_sessions(rule, with_backlog=with_backlog)
    statement = rule.statement("recovery/plan/future_ends", **selected(rule, selection))
    return int(await reader.value(statement))


def ahead_text(ahead: int) -> str:
    """What is wrong with an end in the future, and what to do."""
    return (
        f"{ahead} of them would get an end in the future, and a duration that nobody had; write "
        "end_at as least(now(), …)"
    )


def _counting(rule: Rule) -> str:
    return rule.statement(
        "recovery/plan/counts",
        tolerance=interval(rule.table.source.future_tolerance),
        quiet=interval(quiet_after(rule)),
    )


def quiet_after(rule: Rule) -> float:
    """When a session does not count as a sign of life of the application any more, in seconds.

    Heartbeats come one after the other: when the application stops, the first of its sessions are
    orphaned before the last one is. By then it has to be known for silent. A start comes once.
    """
    after = rule.table.source.orphaned_after
    return after if rule.table.last_seen_at is None else after / 2


def brakes_of(plan: Plan) -> list[str]:
    """What would stop an automatic recovery, in sentences."""
    recovery, fates = plan.rule.table.source.recovery, plan.fates
    found = []
    if fates.active >= FEWEST_FOR_SHARE and fates.orphaned > recovery.max_share * fates.active:
        found.append(
            f"share: {fates.orphaned} of {fates.active} active sessions look orphaned, more than "
            f"max_share ({recovery.max_share:.0%})"
        )
    if plan.count > recovery.max_count:
        found.append(
            f"count: {plan.count} sessions at once are more than max_count ({recovery.max_count})"
        )
    if plan.rule.table.last_seen_at is not None and fates.active >= 3 and not fates.live:
        found.append(
            f"silent: no sign of life of late in any of {fates.active} active sessions; is the "
            "application itself down?"
        )
    return found
