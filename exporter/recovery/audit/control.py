"""The pauses, stops and observations of automatic recovery, which all exporters share."""

from exporter.config import Source
from exporter.errors import PermissionDenied
from exporter.postgres import Reader, Transaction, Writer
from exporter.queries import fill, literal, text_or_null
from exporter.recovery.audit.installation import has_audit, require_audit
from exporter.recovery.audit.written_watch import read_watch, written_orphans, written_returns
from exporter.recovery.decision.observation import Control, Resume, Stop
from exporter.recovery.decision.watch import Watch
from exporter.recovery.rule.rule import Rule
from exporter.recovery.status import Pause
from exporter.sessions import interval, unix_time
from exporter.sessions.grants import OPERATOR_ROLE


async def resumed_until(reader: Reader, source_name: str) -> float:
    """The Unix time of the stop that a person has ended last; the audit must exist.

    If there is none, a time before all stops. Raises SourceError.
    """
    statement = fill("recovery/control/resumed", source=literal(source_name))
    return float(await reader.value(statement))


async def had_other_stop(reader: Reader, source_name: str, stop: Stop, *, within: float) -> bool:
    """Whether a person may have seen another stop in the last `within` seconds; needs the audit.

    Raises SourceError.
    """
    statement = fill(
        "recovery/control/other_stop",
        source=literal(source_name),
        at=unix_time(stop.at),
        within=interval(within),
    )
    return bool(await reader.value(statement))


async def find_pause(reader: Reader | Transaction, source_name: str) -> Pause | None:
    """The pause of a source; None without a pause or without an audit. Raises SourceError."""
    if not await has_audit(reader):
        return None
    rows = await reader.rows(fill("recovery/control/pause/paused", source=literal(source_name)))
    return Pause(*rows[0]) if rows else None


async def find_pause_or_error(reader: Reader, source_name: str) -> tuple[Pause | None, str]:
    """The pause of a source, or why this role may not read it. Raises other SourceErrors."""
    try:
        return await find_pause(reader, source_name), ""
    except PermissionDenied as error:
        return None, str(error)


async def pause(reader: Reader, writer: Writer, source_name: str, *, reason: str | None) -> bool:
    """Pause a source; returns whether it was not paused before. Raises SourceError."""
    await require_audit(reader)
    statement = fill(
        "recovery/control/pause/pause",
        source=literal(source_name),
        reason=text_or_null(reason),
    )
    return bool(await writer.rows(statement))


async def require_operator(writer: Writer) -> None:
    """Raise PermissionDenied if the role may not end a pause or a stop; the audit must exist."""
    ((role, may_resume),) = await writer.rows(fill("recovery/control/may_resume"))
    if not may_resume:
        raise PermissionDenied(
            f"role {role} may not end a stop or a pause, which is a right of persons: "
            f"{operator_advice('…')}"
        )


def operator_advice(role: str) -> str:
    """How to give a person's role the rights."""
    return (
        f"connect as a member of {OPERATOR_ROLE} (docs/recovery/close.md says how); a DBA makes "
        f"one by GRANT {OPERATOR_ROLE} TO {role}, after what `session-exporter sql role` prints"
    )


async def resume(
    writer: Writer, source_name: str, pause: Pause, *, reason: str | None = None
) -> Pause | None:
    """End this pause of a source and return it; None if another person has already ended it.

    The audit must exist. Raises SourceError.
    """
    statement = fill(
        "recovery/control/pause/resume",
        source=literal(source_name),
        at=unix_time(pause.at),
        reason=text_or_null(reason),
    )
    return pause if await writer.rows(statement) else None


async def read_control(reader: Reader, rule: Rule) -> tuple[Control, Watch]:
    """The records about a source, and the watch that earlier exporters wrote for this rule.

    Raises SourceError.
    """
    (
        (*stop, by_hand, resumed_stop_at, resumed_at, wave, since, until, judged, orphans, returns),
    ) = await reader.rows(
        rule.statement(
            "recovery/control/control",
            stopped=rule.statement("recovery/control/stopped"),
            recent=interval(_recent(rule)),
        )
    )
    control = Control(
        stop=None if stop[0] is None else Stop(*stop),
        closed_by_hand=by_hand,
        resume=None if resumed_at is None else Resume(resumed_at, resumed_stop_at, wave),
        observed_since=since,
        judged_until=judged,
    )
    if until is None:
        return control, Watch()
    return control, read_watch(until, orphans, returns)


async def find_other_rule(reader: Reader, rule: Rule) -> float | None:
    """When exporters last observed the source by another rule, if they do not use this one.

    Unix time; None if that was not in the last hour. The audit must exist. Raises SourceError.
    """
    recent = interval(_recent(rule))
    at = await reader.value(rule.statement("recovery/observation/other_rule", recent=recent))
    return None if at is None else float(at)


def note_interval(source: Source) -> float:
    """The interval in seconds at which observations are recorded: a part of the wave's time.

    Where each row has its own threshold, that time is not known beforehand, and each is recorded.
    """
    return (source.fixed_threshold or 0.0) / 16


def _recent(rule: Rule) -> float:
    """The age of an observation, in seconds, up to which the rule may be in use: two intervals."""
    source = rule.table.source
    return max(2 * note_interval(source), 3 * source.every)


async def write_observation(
    writer: Writer, rule: Rule, watch: Watch, *, since: float, judged_until: float | None
) -> None:
    """Record since when the rule is observed, until when it is judged, and the watch.

    Raises SourceError.
    """
    await writer.rows(
        rule.statement(
            "recovery/control/observe",
            since=unix_time(since),
            now=unix_time(watch.until),
            judged="NULL" if judged_until is None else unix_time(judged_until),
            orphans=literal(written_orphans(watch)),
            returns=literal(written_returns(watch)),
        )
    )


async def write_stop(writer: Writer | Transaction, source_name: str, stop: Stop) -> None:
    """Stop automatic recovery of the source, for all exporters. Raises SourceError."""
    statement = fill(
        "recovery/control/stop",
        source=literal(source_name),
        at=unix_time(stop.at),
        brake=literal(stop.brake),
        why=literal(stop.why),
    )
    await writer.rows(statement)


async def resume_stop(
    transaction: Transaction,
    rule: Rule,
    stop: Stop,
    *,
    held: int,
    wave: int,
    reason: str | None,
) -> bool:
    """End this stop, so that its held sessions may be closed; return whether it was still on.

    The decision is about sessions that are orphaned by this rule. Raises SourceError.
    """
    statement = rule.statement(
        "recovery/control/resume_stop",
        at=unix_time(stop.at),
        held=str(held),
        wave=str(wave),
        reason=text_or_null(reason),
    )
    return bool(await transaction.rows(statement))
