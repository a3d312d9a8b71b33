"""The formerly orphaned sessions that have returned."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from exporter.postgres import Reader
from exporter.queries import fill
from exporter.recovery.rule.checks import read_naming_key
from exporter.recovery.rule.owner import owner_of
from exporter.recovery.rule.rule import Rule
from exporter.sessions import unix_time


@dataclass(frozen=True, slots=True)
class Gone:
    """The outcome for sessions that are no longer orphaned."""

    returned: Mapping[str, str | None] = field(default_factory=dict)
    """Sessions that live, or have their own end, each with a hash of its user by `limit_per`; only
    the hash is stored."""
    undecided: frozenset[str] = frozenset()
    """Sessions without a sign of life: the evidence that made them orphaned is unknown, as after a
    start, until it is proved again. They have not returned."""


async def find_gone(
    reader: Reader,
    rule: Rule,
    gone: Collection[str],
    last_run: float,
    *,
    is_audited: bool,
    alive_owners: Collection[str] = (),
) -> Gone:
    """The outcome for the sessions `gone`, ids that were orphaned at the last run and are not now.

    `last_run` is its Unix time by the database's clock. Sessions that recovery has closed since, by
    the audit, have not returned. A session whose owner lives has: the owner was not dead.
    Raises SourceError.
    """
    if not gone:
        return Gone()
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
        is_silent=_is_silent(rule, last_run),
        owner=owner_of(rule),
        limit_key=""
        if limit_key is None
        else f",\n    {fill('recovery/decision/key', key=limit_key)}",
    )
    returned, undecided = dict[str, str | None](), set[str]()
    for session, is_silent, owner, *key in await read_naming_key(reader, rule, statement):
        if is_silent and owner not in alive_owners:
            undecided.add(session)
        else:
            returned[session] = key[0] if key else None
    return Gone(returned, frozenset(undecided))


def _is_silent(rule: Rule, last_run: float) -> str:
    """Whether a row neither shows life since the last run, nor is in a list; never NULL.

    Without evidence a session stops being orphaned only by a sign of life or an end.
    """
    table = rule.table
    if not table.source.has_evidence:
        return "false"
    is_silent = f"{table.last_seen} <= pg_catalog.to_timestamp({unix_time(last_run)})"
    is_listed = "false" if table.is_listed is None else f"({table.is_listed} IS TRUE)"
    return f"({is_silent}) IS TRUE AND NOT {is_listed}"
