"""What `check --live` says of recovery: whether it could close sessions, and what it would meet.

Everything goes through recovery's own dsn, and nothing is locked or written.
"""

from collections.abc import AsyncIterator, Callable, Iterator

from exporter import sessions
from exporter.config import Database as Settings
from exporter.config import Source, format_duration
from exporter.database import Database
from exporter.errors import CollectionError, PermissionDenied
from exporter.findings import Finding, Findings
from exporter.queries import fill, identifier, literal
from exporter.recovery.plan import NO_AUDIT, Plan, brakes_of, count_fates
from exporter.recovery.rule import Rule, bind_rule, own_settings, prove
from exporter.relation import Reads

Say = Callable[..., Finding]

#: What there is to say of each kind of thing that recovery_meets.sql finds.
MEETS = {
    "trigger": "trigger {name} runs for every session that is closed ({about})",
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


async def check_recovery(settings: Settings, source: Source) -> AsyncIterator[Finding]:
    """Whether the sessions of a source could be closed; `settings` are those of collection."""
    find = Findings(settings.name, source.name)
    database = Database(own_settings(settings, source).model_copy(update={"max_connections": 1}))
    reader = database.reader(timezone=sessions.time_zone(source))
    # Where nothing closes sessions by itself, another role may be meant to do it by hand.
    lacks = find.warning if source.recovery.mode == "disabled" else find.failed
    try:
        async for finding in _findings(reader, source, find, lacks):
            yield finding
    except PermissionDenied as error:
        yield lacks("recovery rights", str(error))
    except CollectionError as error:
        yield find.failed("recovery", str(error))
    finally:
        await database.close()


async def _findings(
    reader: Reads, source: Source, find: Findings, lacks: Say
) -> AsyncIterator[Finding]:
    (server,) = await reader.read(fill("server"))
    role, _, _, is_standby, _ = server.rows[0]
    if is_standby:
        yield lacks(
            "recovery primary",
            "this is a standby; sessions are recovered on the primary: give recovery a dsn of its "
            "own, or target_session_attrs=read-write",
        )
    (audited,) = await reader.read(fill("recovery_audited"))
    if not audited.rows[0][0]:
        yield lacks("recovery audit", NO_AUDIT)
    rule = await bind_rule(reader, source)
    for finding in await _met(reader, rule, find):
        yield finding
    async for finding in _written(reader, rule, role, find, lacks):
        yield finding
    yield await _now(reader, rule, find)


async def _written(
    reader: Reads, rule: Rule, role: str, find: Findings, lacks: Say
) -> AsyncIterator[Finding]:
    """Whether this role could write what closing writes, and PostgreSQL would take it."""
    missing = await _missing_rights(reader, rule)
    if missing:
        grants = [f"GRANT {right} TO {identifier(role)};" for right in missing]
        better = (
            "" if rule.table.source.recovery.dsn else "give recovery a role of its own (dsn), or "
        )
        message = f"{role} may not close sessions; {better}a DBA runs"
        yield lacks("recovery rights", message, *grants)
    else:
        yield find.ok("recovery rights", f"{role} may close sessions")
    try:
        await prove(reader, rule)
    except PermissionDenied:
        if not missing:
            raise
    else:
        yield find.ok("recovery rule", f"closing writes {', '.join(rule.changes)}: every type fits")


async def _missing_rights(reader: Reads, rule: Rule) -> list[str]:
    """What has still to be granted, for what this source's config asks for."""
    recovery = rule.table.source.recovery
    on_tables = [("recovery", "SELECT"), ("recovery", "INSERT"), ("pause", "SELECT")]
    noted = ["undone_at"]
    if recovery.mode == "auto":
        on_tables.append(("recovery", "DELETE"))  # of what is older than audit.keep
        noted.append("contradicted_at")
    if recovery.webhook is not None:
        noted += ["next_attempt_at", "attempts", "notified_at"]
    statement = fill(
        "recovery_rights",
        table_name=literal(rule.relation.sql),
        columns=_columns(rule),
        oid=str(rule.relation.oid),
        on_tables=", ".join(f"({literal(name)}, {literal(right)})" for name, right in on_tables),
        noted=", ".join(map(literal, noted)),
    )
    (result,) = await reader.read(statement)
    return [right for (right,) in result.rows]


async def _met(reader: Reads, rule: Rule, find: Findings) -> list[Finding]:
    statement = fill("recovery_meets", oid=str(rule.relation.oid), columns=_columns(rule))
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


async def _now(reader: Reads, rule: Rule, find: Findings) -> Finding:
    """What a recovery would change at this moment."""
    fates, recovery = await count_fates(reader, rule), rule.table.source.recovery
    kept = [
        (fates.alive, "alive by evidence"),
        (fates.nameless, "without an id"),
        (fates.exempt, "exempt"),
        (fates.endless, "without an end"),
        (fates.backlog, f"backlog (silent for more than {format_duration(recovery.max_age)})"),
    ]
    left = "".join(f", {count} left alone: {why}" for count, why in kept if count)
    would = (
        f"mode {recovery.mode}; of {fates.active} active sessions {fates.orphaned} are orphaned"
        f"{left}, and {fates.ready} would be closed now"
    )
    brakes = brakes_of(Plan(rule, fates, with_backlog=False, brakes=(), previews=()))
    if brakes:
        return find.warning("recovery now", f"{would}, but for a brake: {'; '.join(brakes)}")
    return find.ok("recovery now", would)


def _columns(rule: Rule) -> str:
    """An array literal; a name may hold anything."""
    quoted = (f'"{_escaped(name)}"' for name in rule.changes)
    return literal("{" + ",".join(quoted) + "}")


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
