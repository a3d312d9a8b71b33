"""Whether recovery could close the sessions of a source, and the side effects of an update.

Checked over the connection of recovery, or, if a function in the database closes the sessions, over
that of collection. Nothing is locked or written.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

from exporter import sessions
from exporter.check.connection.encryption import check_encryption
from exporter.check.connection.search_path import check_search_path
from exporter.check.evidence import NOTHING_ASKED, AskedOnce
from exporter.check.findings import Finding, FindingWriter
from exporter.check.rights.missing_rights import ask_for, missing_to_recover, role_of
from exporter.check.rights.recovery_rights import check_excess, check_function, check_statements
from exporter.check.times.thresholds import check_threshold
from exporter.config import DatabaseSettings, Source, format_duration
from exporter.errors import (
    AuditUnusable,
    BadData,
    EvidenceUnreadable,
    FunctionMismatch,
    PermissionDenied,
    SourceError,
    StandbyServer,
)
from exporter.postgres import Database, Reader
from exporter.postgres.error_causes import ON_PRIMARY
from exporter.queries import array, fill, identifier
from exporter.recovery.audit.installation import (
    NO_AUDIT,
    can_read_audit,
    check_version,
    find_version,
)
from exporter.recovery.close.candidates import read_previews
from exporter.recovery.decision.brakes import find_brakes
from exporter.recovery.plan.counts import count_sessions, count_stale
from exporter.recovery.plan.left_alone import count_left_alone
from exporter.recovery.plan.plan import future_ends, observe_by_hand
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.connections import reading_settings, writing_settings
from exporter.recovery.rule.left_alone import CLOSED_TOO_OFTEN
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection, orphaned_sessions
from exporter.sessions import evidence_statements
from exporter.sessions.grants import grants_of
from exporter.text import number_of, some_of

#: The message for each kind of side effect in check/side_effects.sql.
SIDE_EFFECTS = {
    "trigger": "trigger {name} runs for every session that is closed ({about})",
    "moving trigger": "trigger {name} runs for every session that closing moves to another "
    "partition ({about})",
    "publication": "publication {name} sends every session that is closed to its subscribers",
    "child": "foreign key {name}: rows of {about} that refer to a session wait while it is locked, "
    "for a second at most",
    "parent": "foreign key {name}: the written value must exist in {about}",
    "written key": "foreign key {name}: {about} refers to a column that recovery writes",
}
#: The message for each kind of obstacle, which prevents closing.
OBSTACLES = {
    "instead rule": "rule {name} on {about} replaces every update, so that nothing would be closed",
    "rule": "rule {name} on {about} adds a command to every update, and PostgreSQL refuses an "
    "update in WITH then; make it a trigger",
    "no identity": "{name} is published and has no replica identity, so that PostgreSQL refuses "
    "every update of it; give it a primary key, or set REPLICA IDENTITY",
}


async def check_recovery(
    settings: DatabaseSettings, source: Source, known: AskedOnce = NOTHING_ASKED
) -> AsyncIterator[Finding]:
    """Check the rights, the rule and the present plan; `settings` are those of collection."""
    is_on = source.recovery.mode != "disabled"
    findings = FindingWriter(settings.name, source.name, is_recovery_on=is_on)
    zone, one = sessions.time_zone(source), {"max_connections": 1}
    reading = Database(reading_settings(settings, source).model_copy(update=one))
    closing = Database(writing_settings(settings, source).model_copy(update=one))
    try:
        reader, closer = reading.reader(timezone=zone), closing.reader(timezone=zone)
        if source.recovery.dsn is not None:
            yield await check_encryption(closing, findings, "recovery encryption")
        async for finding in _check(reader, closer, source, findings, known):
            yield finding
    except PermissionDenied as error:
        missing = await missing_to_recover(settings, source)
        commands = [
            each
            for _, grantee, rights in missing
            for each in grants_of(rights, identifier(grantee))
        ]
        yield findings.missing("recovery rights", ask_for(error, commands), *commands)
    except FunctionMismatch as error:
        yield findings.missing(f"recovery {error.reason}", str(error))
    except EvidenceUnreadable as error:
        yield findings.failed("recovery evidence", str(error).removeprefix("blind: "))
    except SourceError as error:
        yield findings.failed(f"recovery {error.reason}", str(error))
    finally:
        await reading.close()
        await closing.close()


async def _check(
    reader: Reader, closer: Reader, source: Source, findings: FindingWriter, known: AskedOnce
) -> AsyncIterator[Finding]:
    """`reader` finds sessions; `closer` has the connection that closes them."""
    ((role, _, _, is_standby, *_),) = await closer.rows(fill("check/server"))
    # An error of closing; the other checks can continue.
    if is_standby:
        yield findings.missing(
            f"recovery {StandbyServer.reason}",
            f"this is a standby; {ON_PRIMARY}",
        )
    if not await reader.value(fill("recovery/audit/exists")):
        yield findings.missing(f"recovery {AuditUnusable.reason}", NO_AUDIT)
    else:
        check_version(await find_version(reader))
    rule = await bind_rule(reader, source)
    reader.preamble = evidence_statements(known.verdict, rule.table.encoding)
    async for finding in _side_effects(reader, rule, findings):
        yield finding
    if source.recovery.call is None:
        checked = check_statements(reader, rule, role, findings)
    else:
        checked = check_function(reader, closer, rule, role, findings)
    commands = list[str]()
    async for finding in checked:
        commands += finding.commands
        yield finding
    roles = dict.fromkeys([role, await role_of(reader)])
    async for finding in check_excess(reader, roles, findings):
        yield finding
    yield await check_search_path(reader, findings, "recovery path", purpose="recovery")
    try:
        async for finding in _orphans(reader, rule, findings, known.doubt):
            yield finding
    except PermissionDenied:
        if not commands:
            raise
        # The rights to observe are missing too.


async def _orphans(
    reader: Reader, rule: Rule, findings: FindingWriter, doubt: str
) -> AsyncIterator[Finding]:
    """The effect of closing the orphaned sessions; `doubt` is why that is unknown."""
    if doubt:
        why = f"the sessions to close now are unknown, because it is unknown which live: {doubt}"
        yield findings.warning("recovery now", why)
    else:
        yield await _plan(reader, rule, findings)
    orphans = orphaned_sessions(rule, with_backlog=True)
    if any(each.unit is not None for each in rule.written_times.values()):
        active = replace(orphans, condition=rule.table.rows)
        previews, _ = await read_previews(reader, active, show=1)
        for each in previews:
            written = some_of(f"{name} = {each.written(name)}" for name in each.times)
            example = f"closing the session that is silent for longest would write {written}"
            yield findings.ok("recovery times", example)
    if ends := await future_ends(reader, orphans):
        yield findings.warning("recovery end", f"of all orphaned ones, {ends}")
    async for finding in _values(reader, orphans, findings):
        yield finding
    if not doubt:
        async for finding in check_threshold(reader, rule, findings):
            yield finding


async def _values(
    reader: Reader, orphans: Selection, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """The new values that fail for an orphaned session, or violate the domain of a column."""
    rule = orphans.rule
    for name, text in rule.changes.items():
        type_ = rule.relation.columns[name].type
        is_null = f"(({text})::{type_}) IS NULL"
        try:
            await reader.read(orphans.statement("recovery/plan/future_ends", is_ahead=is_null))
        except BadData as error:
            yield findings.missing(
                "recovery values",
                f"a session that would be closed stays open: recovery.set.{name} fails for it, or "
                f"gives what type {type_} refuses: {error}",
            )


async def _side_effects(
    reader: Reader, rule: Rule, findings: FindingWriter
) -> AsyncIterator[Finding]:
    rows = await reader.rows(
        fill("check/side_effects", oid=str(rule.relation.oid), columns=array(rule.changes))
    )

    def sentences(meanings: dict[str, str]) -> str:
        found = (row for row in rows if row[0] in meanings)
        return some_of(
            (meanings[kind].format(name=name, about=about) for kind, name, about in found),
            between="; ",
        )

    obstacles, effects = sentences(OBSTACLES), sentences(SIDE_EFFECTS)
    if obstacles:
        yield findings.failed("recovery prevented", obstacles)
    if effects:
        yield findings.warning("recovery meets", effects)
    elif not obstacles:
        none = "no trigger, rule, publication or foreign key depends on what closing writes"
        yield findings.ok("recovery meets", none)


async def _plan(reader: Reader, rule: Rule, findings: FindingWriter) -> Finding:
    """The sessions that a recovery would close now, and the brakes that would prevent it."""
    # Missing rights are reported separately.
    is_audited, recovery = await can_read_audit(reader), rule.table.source.recovery
    observation = await observe_by_hand(reader, rule, is_audited=is_audited)
    counts = observation.counts
    left_alone = await count_left_alone(reader, rule, observation.left_alone)
    stale = 0
    if recovery.mode == "disabled":
        left_alone.pop(CLOSED_TOO_OFTEN, None)  # these are closed by hand
        if rule.table.source.list is not None:
            counts = await count_sessions(reader, rule)
    else:
        stale = await count_stale(reader, rule)
    kept = [
        (counts.alive, "alive by evidence"),
        (counts.nameless, "without an id"),
        (counts.exempt, "exempt"),
        (counts.endless, "without an end"),
        (counts.backlog, f"backlog (silent for more than {format_duration(recovery.max_age)})"),
        (stale, "stale in the list, closed by hand only"),
        *((count, why) for why, count in left_alone.items()),
    ]
    left = "".join(f", {count} left alone: {why}" for count, why in kept if count)
    would = (
        f"mode {recovery.mode}; of {number_of(counts.active, 'active session', 'active sessions')} "
        f"{number_of(counts.orphaned, 'is orphaned', 'are orphaned')}"
        f"{left}, and {max(counts.ready - stale - sum(left_alone.values()), 0)} would be closed now"
    )
    if rule.table.source.has_evidence:
        would += "; without ghosts and sessions of dead owners, which take several answers to prove"
    if observation.returns.returned:
        would += (
            f"; {observation.returns.returned} of {observation.returns.orphaned} sessions that "
            "became orphaned within the last day returned"
        )
    brakes = "; ".join(find_brakes(observation, recovery).values())
    if brakes:
        return findings.warning("recovery now", f"{would}, but for a brake: {brakes}")
    return findings.ok("recovery now", would)
