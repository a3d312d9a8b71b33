"""The requirements of recovery: the id, the end, and proof that a session is lost."""

from collections.abc import Mapping
from typing import Any

from exporter.config.fields.numbers import format_duration
from exporter.config.fields.parser import ExpectedError
from exporter.config.fields.threshold import RowThreshold
from exporter.config.recovery import RecoverySettings


def check_recovery(recovery: RecoverySettings, source: Mapping[str, Any]) -> None:
    """Raise ExpectedError for missing requirements, given the valid fields of the source."""
    has_last_seen = source.get("last_seen_at", ...) is not None
    if source.get("id", ...) is None:
        raise ExpectedError(
            "id beside recovery",
            "recovery identifies sessions by it",
            got="no id",
            keys=("recovery", "id"),
        )
    if not recovery.set:
        advice = "it declares what closing a session writes"
        if recovery.call is not None:
            advice = "the function that `session-exporter sql function` prints writes what set says"
        raise ExpectedError("set inside recovery", advice, got="no set", keys=("recovery",))
    if source.get("active") == "true" and source.get("where", ...) is None:
        raise ExpectedError(
            "where beside active: true, if sessions are to be closed",
            "each row would be active whatever closing writes; write a condition that what set "
            "writes ends, such as where: deleted_at IS NULL",
            got="no where",
            keys=("recovery",),
        )
    if recovery.end_at is None and not has_last_seen:
        raise ExpectedError(
            "end_at inside recovery, where there is no last_seen_at",
            "last seen would be the start, and every duration 0; write for example "
            "end_at: now, or an expression such as least(now(), s.started + interval '2 h')",
            got="no end_at",
            keys=("recovery",),
        )
    owner = source.get("owner")
    has_owners = owner is not None and owner.in_ is not None
    if recovery.call is not None and (has_owners or source.get("list")):
        raise ExpectedError(
            "no call inside recovery beside owner.in or list",
            "a role that may only call a function cannot lock sessions and recheck them by what "
            "owners and lists say, and a function must not trust its caller for that; without "
            "call, recovery closes by its own statements",
            got="a function that closes",
            keys=("recovery",),
        )
    is_age_alone = not (
        has_last_seen or recovery.evidence is not None or has_owners or source.get("list")
    )
    if recovery.mode == "auto" and is_age_alone and not recovery.trust_age:
        raise ExpectedError(
            "trust_age: true inside recovery, where auto has nothing but the age to go by",
            "a session that is only long would be closed; declare last_seen_at, evidence, owner.in "
            "or list, or declare that age is enough",
            got="none of last_seen_at, evidence, owner.in and list",
            keys=("recovery",),
        )
    earliest, after = 0.0, source.get("orphaned_after", 0.0)
    if recovery.mode != "disabled" and not isinstance(after, RowThreshold):
        earliest = 1.5 * after  # it has to settle
    if recovery.max_age <= earliest:
        raise ExpectedError(
            f"max_age inside recovery longer than {format_duration(earliest)}, which is 1.5 times "
            "orphaned_after",
            "every session would be backlog before dry_run and auto consider it",
            got=format_duration(recovery.max_age),
            keys=("recovery",),
        )
    if recovery.dsn is not None and len(source.get("databases", ())) > 1:
        expected = "dsn inside recovery only for a source in one database"
        raise ExpectedError(expected, got="several databases", keys=("recovery",))
