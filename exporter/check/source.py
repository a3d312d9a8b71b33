"""Whether a source fits its table, the rights of its role, and the cost of collecting it."""

from collections.abc import AsyncIterator

from exporter import sessions
from exporter.check.collectors.indexes import Cost, Costs, check_heartbeats, check_indexes, measure
from exporter.check.collectors.objective import check_objective
from exporter.check.collectors.recovered import check_recovered
from exporter.check.findings import Finding, FindingWriter
from exporter.check.rights.missing_rights import ask_for, missing_to_collect
from exporter.check.times.mass_end import check_mass_end
from exporter.check.times.plausibility import check_plausibility
from exporter.check.times.shared_values import check_shared_values
from exporter.check.times.thresholds import check_row_thresholds
from exporter.collection.active.grid import counting_query
from exporter.collection.daily import query_of_all_days
from exporter.config import DailySettings, Source
from exporter.errors import BadData, PermissionDenied, SourceError
from exporter.postgres import Database, Reader
from exporter.queries import fill, literal
from exporter.sessions import SessionTable
from exporter.sessions.expressions.used_objects import find_relations
from exporter.sessions.indexes import coverage, heartbeats
from exporter.text import some_of

#: The checks of the times of active rows.
CHECKS_OF_TIMES = (check_plausibility, check_shared_values, check_row_thresholds)

#: A backend that waits for another server may keep the only connection that there may be.
_HOLDS_THE_LAST = (
    "{} is a foreign table or reads one, whose server may never answer, and no deadline ends that: "
    "with max_connections of 1 all sources of this database would then fail; allow 2"
)


async def check_source(database: Database, source: Source) -> AsyncIterator[Finding]:
    """Check the table, its expressions, rights, indexes, costs and time series."""
    findings = FindingWriter(database.name, source.name)
    reader = database.reader(timezone=sessions.time_zone(source))
    try:
        table = await sessions.bind(reader, source)
        yield findings.ok("table", f"{table.table} is a {table.relation.kind}")
        if table.reads_foreign and database.settings.max_connections == 1:
            yield findings.warning("foreign table", _HOLDS_THE_LAST.format(table.table))
        yield findings.ok("expressions", f"every type fits: {_types(table)}")
        is_trusted = database.settings.row_security == "trust"
        async for finding in _rights(reader, table, findings, is_trusted=is_trusted):
            yield finding
        yield await _evaluation(reader, table, findings)
        for check in CHECKS_OF_TIMES:
            async for finding in check(reader, table, findings):
                yield finding
        timeout = None if source.daily is None else source.daily.timeout
        patient = database.reader(timezone=reader.timezone, timeout=timeout)
        costs = await _costs(reader, patient, table)
        async for finding in check_indexes(reader, table, costs, findings):
            yield finding
        if heartbeats.written_columns(table):
            yield await check_heartbeats(reader, table, findings)
        if isinstance(cost := costs["active"], SourceError):
            raise cost
        yield findings.ok("cost", f"one collection of active {cost}, every {source.every:g} s")
        if source.daily is not None:
            async for finding in _daily(patient, table, source.daily, costs["daily"], findings):
                yield finding
    except PermissionDenied as error:
        commands = await missing_to_collect(reader, source)
        yield findings.failed(error.reason, ask_for(error, commands), *commands)
        return
    except SourceError as error:
        yield findings.failed(error.reason, str(error))
        return
    yield findings.ok("series", f"at most {source.series()} time series of {source.max_series}")


def _types(table: SessionTable) -> str:
    """The type of each expression, without those that may have any type, such as the id."""
    free = ("id", "owner", "labels.", "show.", "limit_per.")
    typed = {key: type_ for key, type_ in table.types.items() if not key.startswith(free)}
    return some_of(f"{key} is {type_}" for key, type_ in typed.items())


async def _rights(
    reader: Reader, table: SessionTable, findings: FindingWriter, *, is_trusted: bool
) -> AsyncIterator[Finding]:
    """Check row-level security and rights to write, of every relation that expressions read."""
    # A plan names the tables below a view. It omits tables that it need not read, such as a table
    # of which a policy shows no row at all.
    (explained,) = await reader.value(fill("catalog/explain", statement=_evaluation_query(table)))
    planned = coverage.relations(explained["Plan"])
    named, _ = await find_relations(reader, table.relation, [*table.expressions.values()])
    read = sorted({*planned, *named})
    names = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in read)
    rows = await reader.rows(
        fill("check/rights", oid=str(table.relation.oid), names=names or "(NULL, NULL)")
    )
    # With row_security: refuse, binding fails where any row could be hidden.
    filtered = [name for name, is_filtered, _ in rows if is_filtered and is_trusted]
    writable = [f"{', '.join(privileges)} on {name}" for name, _, privileges in rows if privileges]
    if filtered:
        yield findings.warning(
            "row-level security",
            f"applies to this role on {some_of(filtered)} and is trusted (row_security: trust): "
            "make sure that its policies show every row",
        )
    else:
        yield findings.ok("rights", "the role may read what is needed and sees every row")
    if writable:
        yield findings.warning(
            "read-only",
            f"the role could also {some_of(writable, between='; ')}; `session-exporter sql role` "
            "prints one that cannot",
        )
    else:
        yield findings.ok("read-only", "the role cannot write to what it reads")


def _evaluation_query(table: SessionTable) -> str:
    """Every expression over all active rows, as one statement."""
    tried = ",\n".join(f"pg_catalog.count(({text}))" for text in table.expressions.values())
    return fill("check/evaluate_all", expressions=tried, table=table.table, rows=table.rows)


async def _evaluation(reader: Reader, table: SessionTable, findings: FindingWriter) -> Finding:
    try:
        count = await reader.value(_evaluation_query(table))
    except SourceError as error:
        return findings.failed("evaluation", await _explained(reader, table, error))
    return findings.ok("evaluation", f"every expression works on all {count} active rows")


async def _explained(reader: Reader, table: SessionTable, error: SourceError) -> str:
    """The error, after the key of the expression that failed, if it was one."""
    is_data = isinstance(error, BadData)
    key = await sessions.name_failing_expression(reader, table) if is_data else None
    return f"{key}: {error}" if key else str(error)


async def _costs(reader: Reader, patient: Reader, table: SessionTable) -> Costs:
    """Run the statements of the collectors; `patient` has the deadline of the daily statistics."""
    costs: dict[str, Cost | SourceError] = {}
    try:
        costs["active"] = await measure(reader, counting_query(table))
    except SourceError as error:
        costs["active"] = error
    if table.source.daily is not None:
        try:
            costs["daily"] = await measure(patient, await query_of_all_days(patient, table))
        except SourceError as error:
            costs["daily"] = error
    return costs


async def _daily(
    reader: Reader,
    table: SessionTable,
    daily: DailySettings,
    cost: Cost | SourceError,
    findings: FindingWriter,
) -> AsyncIterator[Finding]:
    """The check of the statement of the daily statistics, which reads closed sessions too."""
    name = "evaluation for daily"
    if isinstance(cost, SourceError):
        yield findings.failed(name, await _explained(reader, table, cost))
        return
    days = f"{daily.days} days" if daily.days > 1 else "day"
    yield findings.ok(name, f"what daily reads works on every session that started in its {days}")
    yield findings.ok(
        "cost of daily",
        f"reading all days {cost}; later each past day once an hour, and today alone every "
        f"{daily.every:g} s",
    )
    async for finding in check_recovered(reader, table, findings):
        yield finding
    # These reads take no longer.
    async for finding in check_mass_end(reader, table, daily, findings):
        yield finding
    async for finding in check_objective(reader, table, findings):
        yield finding
