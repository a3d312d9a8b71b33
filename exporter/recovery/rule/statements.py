"""The statements of recovery that are sent one by one, or stand in a function in the database.

What differs between the two comes in as SQL: literals here, the function's parameters there.
"""

import json
from collections.abc import Iterable

from exporter.queries import identifier, join_lines, literal
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import Selection


def close_statement(
    rule: Rule, selection: Selection, *, ids: str, versions: str, run: str, trigger: str
) -> str:
    """Recheck, close, and write the audit.

    `ids` is an array, and `versions` another one that has for each of them the only version of its
    row that is closed.
    """
    assignments = [f"{identifier(name)} = ({text})" for name, text in rule.changes.items()]
    # When the webhook is notified of a session is decided when it is closed: a webhook that is
    # declared later is not notified of earlier ones.
    has_webhook = rule.table.source.recovery.webhook is not None
    return rule.statement(
        "recovery/close/close",
        ids=ids,
        versions=versions,
        recoverable=selection.condition,
        young=selection.young,
        end=selection.end,
        before=rule.columns_written,
        after=rule.columns_written,
        evidence=rule.evidence,
        still_alive=rule.still_alive,
        assignments=join_lines(assignments),
        run=run,
        trigger=trigger,
        rule=literal(json.dumps(selection.description)),
        tell_at="now()" if has_webhook else "NULL",
    )


def undo_statement(rule: Rule, names: Iterable[str], *, numbers: str) -> str:
    """Write back what was in these columns before, and note it; `numbers` stands in IN (…)."""
    columns = {name: rule.relation.columns[name].type for name in names}
    return rule.statement(
        "recovery/undo/undo",
        columns=", ".join(map(identifier, columns)),
        values=join_lines([_value_before(name) for name in columns]),
        definitions=", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items()),
        numbers=numbers,
    )


def _value_before(name: str) -> str:
    """A column as it was. One that closing did not change stays: in jsonb, NULL is null."""
    was_changed = f"a.before -> {literal(name)} IS DISTINCT FROM a.after -> {literal(name)}"
    column = identifier(name)
    return f"CASE WHEN {was_changed} THEN b.{column} ELSE s.{column} END"


#: What maintains the audit, by the name of the task: its template.
MAINTENANCE = {
    "contradicted": "recovery/audit/contradicted",
    "alive": "recovery/audit/contradicted_by_evidence",
    "old": "recovery/audit/prune",
}
