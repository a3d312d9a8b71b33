"""`session-exporter sql close`: the transaction that closes named sessions, for psql."""

import uuid
from typing import Annotated

import typer

from exporter import sessions
from exporter.cli import options
from exporter.cli.commands.printed_sql.session_queries import print_scripts, row_security_of
from exporter.cli.each_source import require_rule
from exporter.cli.options import limits
from exporter.config import DatabaseSettings, Source
from exporter.errors import PermissionDenied, UsageError
from exporter.postgres import Reader
from exporter.postgres.text_settings import text_settings
from exporter.queries import array, fill, literal, text_or_null
from exporter.recovery.audit.installation import require_audit
from exporter.recovery.close.by_psql import choose, close_statements
from exporter.recovery.close.candidates import find_candidates
from exporter.recovery.functions.installed import find_recover_function
from exporter.recovery.rule.binding import bind_rule
from exporter.recovery.rule.checks import NO_OWNERLESS, check_rule, without_owners
from exporter.recovery.rule.connections import reading_settings
from exporter.recovery.rule.limits import Limits, check_ids
from exporter.recovery.rule.selection import Selection, sessions_by_hand
from exporter.recovery.rule.session_id import GivenId

Ids = Annotated[
    list[str] | None,
    typer.Option("--id", metavar="ID", help="Close this session; may be repeated."),
]


def close(  # noqa: PLR0917 - typer passes them by name
    source: options.ASource,
    config_file: options.ConfigFile = options.DEFAULT_CONFIG,
    id_: Ids = None,
    backlog: Annotated[
        bool, typer.Option("--backlog", help="Also close sessions silent for longer than max_age.")
    ] = False,
    undone: Annotated[
        bool, typer.Option("--undone", help="Also close sessions that a person has undone.")
    ] = False,
    reason: options.Reason = None,
) -> bool:
    """Print the transaction that closes named sessions, for psql.

    It closes orphaned sessions as recover does. Without --id it has a place for the ids, and closes
    nothing as printed.
    """
    why, ids = options.parse_reason(reason), limits.plain_ids(id_)
    config = options.load(config_file)
    chosen = require_rule(config, source)
    if chosen.recovery.call is not None and not ids:
        raise UsageError(
            f"{config.path}: sources.{source}.recovery.call: a function closes the sessions in the "
            "versions in which they are found; name them with --id"
        )

    async def write(reader: Reader, each: Source, database: str) -> list[str]:
        rule = await bind_rule(reader, without_owners(each))
        await check_ids(reader, rule, ids)
        function = await find_recover_function(reader, rule)
        try:
            await check_rule(reader, rule, writes=function is None)
        except PermissionDenied:  # another role may run it
            await check_rule(reader, rule, writes=False)
        await require_audit(reader)
        selection = sessions_by_hand(rule, with_backlog=backlog, with_undone=undone)
        begin = _begin_close(config.databases[database], each)
        if each.has_evidence:
            begin.insert(0, NO_OWNERLESS)
        if function is not None:
            return [*begin, *await _calling(reader, selection, function.sql, ids, why), "COMMIT;"]
        written = close_statements(selection, reason=why)
        lines = [
            "-- The sessions to close: write each id between the braces, with commas.",
            f"{choose(ids)};",
            "-- Locks those of them that no other transaction has locked.",
            f"{written.pop('lock')}",
            "\\g /dev/null",
            "-- Checks again that they are orphaned, closes and audits: how many were closed.",
            "-- If a trigger prevents it, or its end is in the future: division by zero.",
            f"{written.pop('close')};",
            "-- The written values. To undo: session-exporter undo, with the run.",
            f"{written.pop('show')};",
            *(f"{statement}\n\\g /dev/null" for statement in written.values()),
        ]
        return [*begin, *lines, "COMMIT;"]

    return print_scripts(config, [chosen], write, settings=reading_settings)


async def _calling(
    reader: Reader,
    selection: Selection,
    function: str,
    ids: tuple[GivenId, ...],
    reason: str | None,
) -> list[str]:
    """The call of the function that closes sessions, of those that would be closed now."""
    limited, _ = Limits(ids).apply(selection, 0)
    found = [each async for page in find_candidates(reader, limited) for each in page]
    call = fill(
        "recovery/close/call",
        function=function,
        ids=array(each.session for each in found),
        versions=array(each.version for each in found),
        run=literal(str(uuid.uuid4())),
        trigger=literal("manual"),
        with_backlog="true" if selection.with_backlog else "false",
        reason=text_or_null(reason),
    )
    remark = "-- In their present versions: a session that shows life before this runs stays open."
    return [f"-- {len(found)} of the named sessions would be closed.", remark, f"{call};"]


def _begin_close(settings: DatabaseSettings, source: Source) -> list[str]:
    begin = fill(
        "recovery/close/begin",
        row_security=literal(row_security_of(settings)),
        timezone=literal(sessions.time_zone(source)),
        path=fill("catalog/path"),
        texts=text_settings(),
    )
    return [
        "-- Brakes and stops are not checked: a person decides. psql has to stop at an error.",
        "\\set ON_ERROR_STOP on",
        fill("printed/begin_close", settings=begin),
    ]
