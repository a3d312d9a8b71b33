"""Which of the sessions that were orphaned have returned."""

from collections.abc import Collection

from exporter.postgres import Reader
from exporter.recovery.rule.checks import read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.sessions import unix_time


async def find_returned(
    reader: Reader, rule: Rule, gone: Collection[str], last_run: float, *, is_audited: bool
) -> set[str]:
    """Which of the sessions that were orphaned at the last run live, or have their own end.

    `gone` are their ids, and `last_run` is its Unix time by the database's clock. What recovery has
    closed since then, by the audit, has not returned. Raises SourceError.
    """
    if not gone:
        return set()
    recovered = "false"
    if is_audited:
        recovered = rule.statement(
            "recovery/decision/recovered",
            is_audited_as=rule.id.is_audited_as(rule.id.key()),
            last_run=unix_time(last_run),
        )
    statement = rule.statement(
        "recovery/decision/returned",
        is_one_of=rule.id.is_one_of(gone),
        recovered=recovered,
    )
    return {session for (session,) in await read_naming_key(reader, rule, statement)}
