"""What a recovery would do now, and what speaks against it. Reader only."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from exporter.errors import BadData, SchemaMismatch
from exporter.postgres import Reader
from exporter.queries import fill, listed
from exporter.recovery.close.batches import Candidate
from exporter.recovery.rule.failing_expression import blame
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Scope, orphans
from exporter.sessions import interval

#: From this many active sessions on, a share of them means something.
FEWEST_FOR_SHARE = 20

NO_AUDIT = (
    "there is no table session_exporter.recovery, in which a recovery writes down what it does; "
    "`session-exporter sql audit` prints the commands that create it"
)


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
class Preview:
    """One session and what would be written. Times are seconds by the database's clock."""

    session: str
    last_seen: float | None
    """None where nothing is known, which is so in a planned stop alone."""
    silence: float | None
    end: str
    changes: Mapping[str, str | None]
    returning: Mapping[str, Any]


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


async def has_audit(reader: Reader) -> bool:
    """Whether the table is there in which recovery writes down what it does."""
    (result,) = await reader.read(fill("recovery/audit/is_visible"))
    return bool(result.rows[0][0])


async def count_sessions(reader: Reader, rule: Rule) -> SessionCounts:
    """Count the active sessions by what becomes of them."""
    (counted,) = await reader.read(_counting(rule))
    return SessionCounts(**dict(counted.rows))


async def require_audit(reader: Reader) -> None:
    """Raise SchemaMismatch where that table is not there."""
    if not await has_audit(reader):
        raise SchemaMismatch(NO_AUDIT)


async def make_plan(
    reader: Reader, rule: Rule, *, with_backlog: bool, limit: int, audits: bool = True
) -> Plan:
    """Count, and look at up to `limit` sessions; `audits` is whether it will be written down.

    Raises SourceError.
    """
    if audits:
        await require_audit(reader)
    preview = previewing(rule, orphans(rule, with_backlog=with_backlog), limit=limit)
    try:
        (counted,) = await reader.read(_counting(rule))
        ahead = await count_ahead(reader, rule, with_backlog=with_backlog)
    except BadData as error:
        raise await blame(reader, rule, error) from None
    try:
        (previewed,) = await reader.read(preview)
        rows, hidden = previewed.rows, ""
    except BadData as error:  # closing sets such a session aside, and the others go on
        rows, hidden = [], str(await blame(reader, rule, error))
    fates = SessionCounts(**dict(counted.rows))
    plan = Plan(rule, fates, with_backlog, (), tuple(as_preview(rule, r) for r in rows))
    return replace(plan, brakes=tuple(brakes_of(plan)), ahead=ahead, hidden=hidden)


async def count_ahead(reader: Reader, rule: Rule, *, with_backlog: bool) -> int:
    """How many of the sessions that would be closed now would get an end in the future."""
    selected = selection(rule, with_backlog=with_backlog)
    del selected["order"]
    (result,) = await reader.read(fill("recovery/plan/future_ends", end=rule.end, **selected))
    return int(result.rows[0][0])


def ahead_text(ahead: int) -> str:
    """What is wrong with an end in the future, and what to do."""
    return (
        f"{ahead} of them would get an end in the future, and a duration that nobody had; write "
        "end_at as least(now(), …)"
    )


async def find_candidates(
    reader: Reader, rule: Rule, *, with_backlog: bool = False, scope: Scope | None = None
) -> list[Candidate]:
    """Every session that would be closed now, longest silent first: orphans, or the scope's."""
    statement = fill(
        "recovery/plan/candidates",
        id=rule.id,
        **selection(rule, with_backlog=with_backlog, scope=scope),
    )
    (result,) = await reader.read(statement)
    return list(map(Candidate._make, result.rows))


def _counting(rule: Rule) -> str:
    return fill(
        "recovery/plan/counts",
        id=rule.id,
        last_seen=rule.table.last_seen,
        tolerance=interval(rule.table.source.future_tolerance),
        quiet=interval(quiet_after(rule)),
        orphaned=rule.table.orphaned(),
        alive=rule.alive,
        exempt=rule.exempt,
        end=rule.end,
        backlog=rule.is_backlog,
        table=rule.table.table,
        rows=rule.table.rows,
    )


def quiet_after(rule: Rule) -> float:
    """When a session does not count as a sign of life of the application any more, in seconds.

    Heartbeats come one after the other: when the application stops, the first of its sessions are
    orphaned before the last one is. By then it has to be known for silent. A start comes once.
    """
    after = rule.table.source.orphaned_after
    return after if rule.table.last_seen_at is None else after / 2


def previewing(rule: Rule, scope: Scope, *, limit: int) -> str:
    """The statement that gives up to `limit` rows for as_preview()."""
    return fill(
        "recovery/plan/preview",
        id=rule.id,
        last_seen=rule.table.last_seen,
        end=scope.end,
        values=listed(
            [
                "e.session_exporter_end::text",
                *(f"left(({text})::text, 200)" for text in rule.changes.values()),
            ]
        ),
        returning=rule.reported,
        limit=str(limit),
        **selection(rule, scope=scope),
    )


def selection(
    rule: Rule, *, with_backlog: bool = False, scope: Scope | None = None
) -> dict[str, str]:
    """Which rows are candidates, as the parts that templates of recovery share."""
    scope = scope or orphans(rule, with_backlog=with_backlog)
    return {
        "table": rule.table.table,
        "recoverable": f"{scope.condition} AND {rule.id} IS NOT NULL AND ({scope.end}) IS NOT NULL",
        "young": scope.young,
        "order": rule.table.last_seen_order,
    }


def as_preview(rule: Rule, row: tuple[Any, ...]) -> Preview:
    """One row of that statement."""
    session, last_seen, silence, end, *changes, returning = row
    return Preview(
        session=session,
        last_seen=last_seen,
        silence=silence,
        end=end,
        changes=dict(zip(rule.changes, changes, strict=True)),
        returning=returning,
    )


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
