"""The statements of recovery for one rule: sent one by one, or inside a function in the database.

What differs between the two comes in as SQL: literals here, the function's parameters there.
"""

import json
from collections.abc import Callable, Iterable, Mapping

from exporter import sessions
from exporter.config import Source
from exporter.queries import fill, identifier, listed, literal
from exporter.recovery.rule.rule import Rule, assignments
from exporter.recovery.rule.selection import Scope


def lock(rule: Rule, *, ids: str) -> str:
    """Lock active sessions, but for those that somebody else works on; `ids` is an array."""
    return fill(
        "recovery/close/lock",
        id=rule.id,
        id_type=rule.id_type,
        ids=ids,
        table=rule.table.table,
        rows=rule.table.rows,
    )


def close(rule: Rule, scope: Scope, *, ids: str, versions: str, run: str, trigger: str) -> str:
    """Check again, close, and write down.

    `ids` is an array, and `versions` another one that has for each of them the only version of its
    row that is closed.
    """
    return fill(
        "recovery/close/close",
        id=rule.id,
        id_type=rule.id_type,
        ids=ids,
        versions=versions,
        table=rule.table.table,
        rows=rule.table.rows,
        recoverable=scope.condition,
        young=scope.young,
        end=scope.end,
        before=rule.columns_written,
        after=rule.columns_written,
        evidence=rule.evidence,
        still_alive=rule.still_alive,
        returning=rule.reported,
        assignments=assignments(rule),
        run=run,
        source=literal(rule.table.source.name),
        relation=literal(rule.relation.sql),
        trigger=trigger,
        rule=literal(json.dumps(scope.described)),
        tell_at=_tell_at(rule.table.source),
    )


def notify(source: Source, channel: str, *, run: str) -> str:
    """Tell the channel of the sessions that this transaction has closed, if it commits."""
    return fill(
        "recovery/close/notify", channel=literal(channel), source=literal(source.name), run=run
    )


def queue(source: Source) -> str:
    """Wait for whoever closes sessions of the source automatically just now."""
    return fill("recovery/close/queue", queue=literal(f"session-exporter recovery {source.name}"))


def budget(source: Source) -> str:
    """How many sessions may still be closed automatically in this hour."""
    per_hour = str(source.recovery.per_hour)
    return fill("recovery/close/budget", source=literal(source.name), per_hour=per_hour)


def contradicted(rule: Rule) -> str:
    """Note which recovered sessions have shown life by their row, or got a genuine end, since."""
    return fill(
        "recovery/audit/contradicted",
        **_audited(rule),
        written=rule.columns_written,
        last_seen=rule.table.last_seen,
    )


def contradicted_by_evidence(rule: Rule) -> str:
    """Note which the declared evidence proves alive, and did not when they were closed."""
    return fill(
        "recovery/audit/contradicted_by_evidence",
        **_audited(rule),
        alive=rule.alive,
        declared=literal(rule.table.source.recovery.evidence or ""),
    )


def prune(source: Source) -> str:
    """Forget what is older than the audit is kept, a little of it."""
    keep = sessions.interval(source.recovery.audit.keep)
    return fill("recovery/audit/prune", source=literal(source.name), keep=keep)


#: What is done in the audit besides closing, by the name of the task.
TENDING: Mapping[str, Callable[[Rule], str]] = {
    "contradicted": contradicted,
    "alive": contradicted_by_evidence,
    "old": lambda rule: prune(rule.table.source),
}


def undo_lock(rule: Rule, *, numbers: str) -> str:
    """Lock the sessions behind rows of the audit; `numbers` is what stands in IN (…)."""
    return fill("recovery/undo/lock", numbers=numbers, **_place(rule))


def undo(rule: Rule, names: Iterable[str], *, numbers: str) -> str:
    """Write back what was in these columns before, and note it."""
    columns = {name: rule.relation.columns[name].type for name in names}
    return fill(
        "recovery/undo/undo",
        columns=", ".join(map(identifier, columns)),
        values=listed([_before(name) for name in columns]),
        definitions=", ".join(f"{identifier(k)} {type_}" for k, type_ in columns.items()),
        numbers=numbers,
        **_place(rule),
    )


def _tell_at(source: Source) -> str:
    """When the webhook is told of a recovery made now, as SQL: NULL where there is none.

    Decided when a session is closed: a webhook is not told of what was before it.
    """
    return "NULL" if source.recovery.webhook is None else "now()"


def _before(name: str) -> str:
    """A column as it was; what closing did not change stays: jsonb tells NULL from null no more."""
    was_changed = f"a.before -> {literal(name)} IS DISTINCT FROM a.after -> {literal(name)}"
    column = identifier(name)
    return f"CASE WHEN {was_changed} THEN b.{column} ELSE s.{column} END"


def _audited(rule: Rule) -> dict[str, str]:
    names = {"source": rule.table.source.name, "relation": rule.relation.sql}
    return _place(rule) | {key: literal(name) for key, name in names.items()}


def _place(rule: Rule) -> dict[str, str]:
    return {"table": rule.table.table, "id": rule.id, "id_type": rule.id_type}
