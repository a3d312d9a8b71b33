"""What `check --live` says of recovery: whether it could close sessions, and what it would meet.

It is looked with recovery's own dsn, or, where a function in the database closes the sessions, with
that of collection. Nothing is locked or written.
"""

from collections.abc import AsyncIterator, Iterator

from exporter import sessions
from exporter.check.findings import Finding, FindingWriter
from exporter.check.recovery_rights import by_function, by_statements, missing_severity
from exporter.config import DatabaseSettings, Source, format_duration
from exporter.errors import PermissionDenied, SourceError
from exporter.postgres import Database, Reader
from exporter.queries import array, fill
from exporter.recovery.audit.installation import NO_AUDIT
from exporter.recovery.decision.brakes import brake_sentences, situation_by_hand
from exporter.recovery.plan import count_by_hand, count_future_ends, future_ends_text
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.connections import reading_settings, writing_settings
from exporter.recovery.rule.rule import Rule

#: What there is to say of each kind of thing that check/side_effects.sql finds.
MEETS = {
    "trigger": "trigger {name} runs for every session that is closed ({about})",
    "moving trigger": "trigger {name} runs for every session that closing moves to another "
    "partition ({about})",
    "publication": "publication {name} tells its subscribers of every session that is closed",
    "child": "foreign key {name}: rows of {about} that refer to a session wait while it is locked, "
    "for a second at most",
    "parent": "foreign key {name}: what is written has to be in {about}",
    "written key": "foreign key {name}: {about} refers to a column that recovery writes",
}
#: And of what makes recovery impossible.
PREVENTS = {
    "instead rule": "rule {name} on {about} does something else instead of every update, so that "
    "nothing would be closed",
    "rule": "rule {name} on {about} does something more with every update, and PostgreSQL refuses "
    "one that is written down in the same statement; make it a trigger",
    "no identity": "{name} is published and has no replica identity, so that PostgreSQL refuses "
    "every update of it; give it a primary key, or set REPLICA IDENTITY",
}


async def check_recovery(settings: DatabaseSettings, source: Source) -> AsyncIterator[Finding]:
    """Whether the sessions of a source could be closed; `settings` are those of collection."""
    find = FindingWriter(settings.name, source.name)
    zone, one = sessions.time_zone(source), {"max_connections": 1}
    looking = Database(reading_settings(settings, source).model_copy(update=one))
    closing = Database(writing_settings(settings, source).model_copy(update=one))
    lacks = missing_severity(find, source)
    try:
        reader, closer = looking.reader(timezone=zone), closing.reader(timezone=zone)
        async for finding in _findings(reader, closer, source, find):
            yield finding
    except PermissionDenied as error:
        yield lacks("recovery rights", str(error))
    except SourceError as error:
        yield find.failed("recovery", str(error))
    finally:
        await looking.close()
        await closing.close()


async def _findings(
    reader: Reader, closer: Reader, source: Source, find: FindingWriter
) -> AsyncIterator[Finding]:
    """`reader` looks for sessions; `closer` is who closes them."""
    lacks = missing_severity(find, source)
    (server,) = await closer.read(fill("check/server"))
    role, _, _, is_standby, _ = server.rows[0]
    if is_standby:
        yield lacks(
            "recovery primary",
            "this is a standby; sessions are recovered on the primary: give recovery a dsn of its "
            "own, or target_session_attrs=read-write",
        )
    (audited,) = await reader.read(fill("recovery/audit/exists"))
    if not audited.rows[0][0]:
        yield lacks("recovery audit", NO_AUDIT)
    rule = await bind_rule(reader, source)
    for finding in await _met(reader, rule, find):
        yield finding
    if source.recovery.call is None:
        async for finding in by_statements(reader, rule, role, find):
            yield finding
    else:
        async for finding in by_function(reader, closer, rule, role, find):
            yield finding
    yield await _now(reader, rule, find)
    if ends := await count_future_ends(reader, rule, with_backlog=True):
        yield find.warning("recovery end", f"of all that is orphaned, {future_ends_text(ends)}")


async def _met(reader: Reader, rule: Rule, find: FindingWriter) -> list[Finding]:
    statement = fill("check/side_effects", oid=str(rule.relation.oid), columns=array(rule.changes))
    (result,) = await reader.read(statement)

    def told(sentences: dict[str, str]) -> Iterator[str]:
        for kind, name, about in result.rows:
            if kind in sentences:
                yield sentences[kind].format(name=name, about=about)

    prevented, met = "; ".join(told(PREVENTS)), "; ".join(told(MEETS))
    findings = []
    if prevented:
        findings.append(find.failed("recovery prevented", prevented))
    if met:
        findings.append(find.warning("recovery meets", met))
    elif not prevented:
        nothing = "no trigger, rule, publication or foreign key has to do with what closing writes"
        findings.append(find.ok("recovery meets", nothing))
    return findings


async def _now(reader: Reader, rule: Rule, find: FindingWriter) -> Finding:
    """What a recovery would change at this moment."""
    counts, recovery = await count_by_hand(reader, rule), rule.table.source.recovery
    kept = [
        (counts.alive, "alive by evidence"),
        (counts.nameless, "without an id"),
        (counts.exempt, "exempt"),
        (counts.endless, "without an end"),
        (counts.backlog, f"backlog (silent for more than {format_duration(recovery.max_age)})"),
    ]
    left = "".join(f", {count} left alone: {why}" for count, why in kept if count)
    would = (
        f"mode {recovery.mode}; of {counts.active} active sessions {counts.orphaned} are orphaned"
        f"{left}, and {counts.ready} would be closed now"
    )
    brakes = brake_sentences(situation_by_hand(counts), recovery)
    if brakes:
        return find.warning("recovery now", f"{would}, but for a brake: {'; '.join(brakes)}")
    return find.ok("recovery now", would)
