"""Which of the sessions that were orphaned have returned."""

from collections.abc import Collection

from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.rule.checks import read_naming_key
from exporter.recovery.rule.rule import Rule
from exporter.sessions import unix_time


async def find_returned(
    reader: Reader, rule: Rule, gone: Collection[str], last_run: float, *, is_audited: bool
) -> dict[str, str | None]:
    """Which of the sessions that were orphaned at the last run live, or have their own end.

    With a hash of whose each is, where `limit_per` says so; what it is of is not written down.
    `gone` are their ids, and `last_run` is its Unix time by the database's clock. What recovery has
    closed since then, by the audit, has not returned. Raises SourceError.
    """
    if not gone:
        return {}
    recovered = "false"
    if is_audited:
        recovered = rule.statement(
            "recovery/decision/recovered",
            is_audited_as=rule.id.is_audited_as(rule.id.key()),
            last_run=unix_time(last_run),
        )
    limit_key = rule.table.limit_key
    statement = rule.statement(
        "recovery/decision/returned",
        is_one_of=rule.id.is_one_of(gone),
        recovered=recovered,
        limit_key=""
        if limit_key is None
        else f",\n    {fill('recovery/decision/key', key=limit_key)}",
    )
    rows = await read_naming_key(reader, rule, statement)
    return {session: key[0] if key else None for session, *key in rows}
