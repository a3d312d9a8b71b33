"""Functions in the database that recover one source, for a role with no right but to call them.

They are made of the very statements that recovery sends itself; what is a literal there is a
parameter here. A DBA reads and creates them.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from exporter import sessions
from exporter.postgres.error_causes import NOT_AUDITED, NOT_WRITTEN, STILL_ACTIVE
from exporter.queries import fill, identifier, listed, literal
from exporter.recovery.close.batches import array
from exporter.recovery.rule import statements
from exporter.recovery.rule.rule import Rule
from exporter.recovery.rule.selection import orphans

SCHEMA = "session_exporter"
#: The most sessions of one call: all of them stay locked until it is over.
MOST = 1000
#: With what the comment on every function of ours begins.
MARK = "session-exporter:"

_LONGEST_NAME = 63  # bytes (NAMEDATALEN)


@dataclass(frozen=True, slots=True)
class Signature:
    """What tells a function from all others."""

    schema: str
    name: str
    arguments: str
    """Their types, as PostgreSQL writes them."""

    @property
    def sql(self) -> str:
        """The qualified name, quoted."""
        return identifier(self.schema, self.name)

    @property
    def signature(self) -> str:
        """The name with the arguments, for GRANT and the like."""
        return f"{self.sql}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Function(Signature):
    """One function as it is created."""

    declared: str
    """The arguments with names and defaults."""
    returns: str
    settings: dict[str, str]
    """What is set while it runs, besides search_path."""
    body: str
    comment: str

    def created(self, path: list[str]) -> str:
        """The commands that create it, to look unqualified names up along `path`."""
        settings = (f"SET {name} = {literal(value)}" for name, value in self.settings.items())
        return fill(
            "recovery/functions/definition",
            signature=self.signature,
            function=self.sql,
            arguments=self.declared,
            returns=self.returns,
            path=", ".join(map(identifier, dict.fromkeys([*path, "pg_temp"]))),
            settings="\n".join(settings),
            body=_dollar_quoted(self.body),
        )


def recover_function(rule: Rule) -> Function:
    """The function that closes the sessions it is given, where they still are orphans.

    Called for `auto`, it heeds the hour's budget, which all exporters share, and leaves the
    backlog alone.
    """
    source = rule.table.source
    is_told = "session_exporter_trigger = 'manual' AND session_exporter_with_backlog"
    scope = orphans(rule, with_backlog=False)
    scope = replace(scope, young=f"(({is_told}) IS TRUE OR {scope.young})")
    ids, run = "session_exporter_locked", "session_exporter_run"
    notify = ""
    if channel := source.recovery.notify:
        notify = fill(
            "recovery/functions/notify", notify=statements.notify(source, channel, run=run)
        )
    body = fill(
        "recovery/functions/recover_body",
        demands=_demands("session_exporter_ids"),
        table=rule.table.table,
        id=rule.id,
        id_type=rule.id_type,
        queue=statements.queue(source),
        budget=statements.budget(source),
        paused=fill("recovery/control/paused", source=literal(source.name)),
        lock=statements.lock(rule, ids="session_exporter_ids"),
        close=statements.close(
            rule,
            scope,
            ids=ids,
            versions="session_exporter_versions",
            run=run,
            trigger="session_exporter_trigger",
        ),
        notify=notify,
        not_written=literal(NOT_WRITTEN),
        still_active=literal(STILL_ACTIVE),
        not_audited=literal(NOT_AUDITED),
    )
    return Function(
        schema=SCHEMA,
        name=_name("recover", source.name),
        arguments="text[], text[], uuid, text, boolean",
        declared="""
    session_exporter_ids text[],
    session_exporter_versions text[],
    session_exporter_run uuid,
    session_exporter_trigger text,
    session_exporter_with_backlog boolean
""",
        returns="TABLE (session_exporter_session text, session_exporter_returning jsonb)",
        settings=_settings(rule),
        body=body,
        comment=_comment(rule, "closes orphaned sessions"),
    )


def undo_function(rule: Rule) -> Function:
    """The function that takes back what rows of the audit tell of."""
    source = rule.table.source.name
    ours = "SELECT unnest(session_exporter_ours)"
    return Function(
        schema=SCHEMA,
        name=_name("undo", source),
        arguments="bigint[]",
        declared="session_exporter_numbers bigint[]",
        returns="SETOF bigint",
        settings=_settings(rule),
        body=fill(
            "recovery/functions/undo_body",
            demands=_demands("session_exporter_numbers"),
            source=literal(source),
            relation=literal(rule.relation.sql),
            lock=statements.undo_lock(rule, numbers=ours),
            columns=array(rule.changes),
            undo=statements.undo(rule, rule.changes, numbers=ours),
        ),
        comment=_comment(rule, "takes recoveries back"),
    )


def tend_function(rule: Rule) -> Function:
    """The function that notes contradictions in the audit, and forgets what is old there."""
    return Function(
        schema=SCHEMA,
        name=_name("tend", rule.table.source.name),
        arguments="text",
        declared="session_exporter_task text",
        returns="SETOF bigint",
        settings=_settings(rule),
        body=fill(
            "recovery/functions/maintenance_body",
            **{task: statement(rule) for task, statement in statements.TENDING.items()},
        ),
        comment=_comment(rule, "looks after the audit"),
    )


def stuck_function(rule: Rule, *, named_after: str) -> Function:
    """The function for people: finds what is stuck, backlog and all, and closes it."""
    minutes = math.ceil(rule.table.source.orphaned_after / 60)
    own = {"p_threshold_minutes", "session_id", "stuck_since"}
    names = [name for name in rule.returning if name not in own]
    columns = [
        f"session_exporter_closed.session_exporter_session::{rule.id_type}",
        *(f"session_exporter_returning ->> {literal(name)}" for name in names),
        "session_exporter_seen.session_exporter_since",
    ]
    returned = [
        f"session_id {rule.id_type}",
        *(f"{identifier(name)} text" for name in names),
        "stuck_since timestamptz",
    ]
    return Function(
        schema=rule.relation.schema,
        name=_name("recover_stuck", named_after),
        arguments="integer",
        declared=f"p_threshold_minutes integer DEFAULT {minutes}",
        returns=f"TABLE ({', '.join(returned)})",
        settings=_settings(rule),
        body=fill(
            "recovery/functions/stuck_body",
            minutes=str(minutes),
            most=str(MOST),
            table=rule.table.table,
            id=rule.id,
            last_seen=rule.table.last_seen,
            recoverable=rule.recoverable,
            end=rule.end,
            order=rule.table.last_seen_order,
            columns=listed(columns, indent=8),
            recover=recover_function(rule).sql,
        ),
        comment=_comment(rule, "for people: closes what is stuck"),
    )


def _demands(given: str) -> str:
    """What is refused before anything is locked; `given` is the array that the function takes."""
    return fill("recovery/functions/requirements", given=given, most=str(MOST))


def _comment(rule: Rule, purpose: str) -> str:
    source = rule.table.source.name
    return (
        f"{MARK} {purpose}, of source {source}. After a change of its config, print it again: "
        f"session-exporter sql function {source}"
    )


def _settings(rule: Rule) -> dict[str, str]:
    return {
        "TimeZone": sessions.time_zone(rule.table.source),
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "extra_float_digits": "1",  # what is written down of a number is all of it
        "standard_conforming_strings": "on",
        "transform_null_equals": "off",
        "row_security": "off",
        "lock_timeout": "250ms",
        "jit": "off",
        "plan_cache_mode": "force_custom_plan",  # a generic plan matches no partial index
    }


def _name(purpose: str, of: str) -> str:
    """<purpose>_<of>; one that is too long is cut and made unique by a digest."""
    encoded = f"{purpose}_{of}".encode()
    if len(encoded) <= _LONGEST_NAME:
        return encoded.decode()
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[: _LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"


def _dollar_quoted(body: str) -> str:
    tag = next(tag for tag in _tags() if tag not in body)
    return f"{tag}\n{body}\n{tag}"


def _tags() -> Iterator[str]:
    number = 0
    while True:
        yield f"$session_exporter{number or ''}$"
        number += 1
