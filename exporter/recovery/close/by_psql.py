"""The statements by which recovery closes named sessions, for a person to run with psql.

They are the statements of one message by hand: lock, recheck with a newer snapshot, write and
audit. The ids are in one place, a setting of the transaction; the lock reads the versions.
"""

from collections.abc import Sequence
from dataclasses import replace

from exporter.queries import array, fill, literal, text_or_null
from exporter.recovery.close.by_message import LOCKED
from exporter.recovery.rule.selection import Selection
from exporter.recovery.rule.session_id import GivenId, id_text

#: The settings, local to a transaction, that hold the ids and the id of the run.
_IDS, _RUN = "session_exporter.ids", "session_exporter.run"


def choose(ids: Sequence[GivenId]) -> str:
    """The statement that sets the sessions to close, and creates the id of the run."""
    items = [
        f"pg_catalog.set_config({literal(_IDS)}, {array(map(id_text, ids))}, true) AS ids",
        f"pg_catalog.set_config({literal(_RUN)}, pg_catalog.gen_random_uuid()::text, true) AS run",
    ]
    return "SELECT\n    " + ",\n    ".join(items)


def close_statements(selection: Selection, *, reason: str | None) -> dict[str, str]:
    """The statements after choose(), by purpose. If a condition fails, all of them fail."""
    rule, run = selection.rule, _setting(_RUN)
    is_one_of = rule.id.is_in(f"{_setting(_IDS)}::text[]")
    # No earlier statement has selected the sessions, so this one excludes undone sessions.
    selection = replace(selection, condition=f"{selection.condition} AND {selection.wanted}")
    version = "l.session_exporter_session, l.session_exporter_version"
    lock = rule.statement(
        "recovery/close/message/lock",
        lock=rule.statement("recovery/close/lock", is_one_of=is_one_of),
        setting=literal(LOCKED),
        versions=f"pg_catalog.jsonb_build_object({version})",
    )
    close = selection.close_statement(
        is_one_of=is_one_of,
        versions=f"{_setting(LOCKED)}::jsonb",
        result=fill("recovery/close/message/closed_count"),
        run=run,
        trigger=literal("manual"),
        reason=text_or_null(reason),
        skips_held="false",
        held="false",
    )
    notify = rule.statement("recovery/close/notify", run=run)
    found = {"lock": lock, "close": close}
    if rule.table.source.recovery.notify:
        found["notify"] = fill("recovery/close/message/notify", notify=notify)
    return found | {"show": rule.statement("printed/closed", run=run)}


def _setting(name: str) -> str:
    return f"pg_catalog.current_setting({literal(name)})"
