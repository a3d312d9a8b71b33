"""Whether a source fits its table, what its role may do, and what collecting it costs."""

from collections.abc import AsyncIterator

from exporter import sessions
from exporter.check.findings import Finding, FindingWriter
from exporter.check.missing_rights import ask_for, missing_to_collect
from exporter.check.plausibility import check_plausibility
from exporter.check.shared_values import check_shared_values
from exporter.collection.active import counting_query
from exporter.collection.daily import query_of_all_days
from exporter.config import DailySettings, Source
from exporter.errors import BadData, PermissionDenied, SourceError
from exporter.postgres import Database, Reader
from exporter.queries import fill, literal
from exporter.sessions import SessionTable
from exporter.sessions.indexes import coverage, heartbeats
from exporter.sessions.indexes.proposals import Proposal, propose
from exporter.sessions.used_objects import find_relations
from exporter.text import some_of

#: Indexes that one finding names: every partition may have its own.
MOST_LISTED = 5


async def check_source(database: Database, source: Source) -> AsyncIterator[Finding]:
    """Check the table, its expressions, rights, indexes, costs and time series."""
    findings = FindingWriter(database.name, source.name)
    reader = database.reader(timezone=sessions.time_zone(source))
    try:
        table = await sessions.bind(reader, source)
        yield findings.ok("table", f"{table.table} is a {table.relation.kind}")
        yield findings.ok("expressions", f"every type fits: {_types(table)}")
        is_trusted = database.settings.row_security == "trust"
        async for finding in _rights(reader, table, findings, is_trusted=is_trusted):
            yield finding
        yield await _evaluation(reader, table, findings)
        async for finding in check_plausibility(reader, table, findings):
            yield finding
        async for finding in check_shared_values(reader, table, findings):
            yield finding
        for proposal in await propose(reader, table):
            yield _index(proposal, findings)
        if heartbeats.written_columns(table):
            yield await _heartbeats(reader, table, findings)
        cost = await _cost_of(reader, counting_query(table))
        yield findings.ok("cost", f"one collection of active {cost}, every {source.every:g} s")
        if source.daily is not None:
            daily = database.reader(timezone=reader.timezone, timeout=source.daily.timeout)
            async for finding in _daily(daily, table, source.daily, findings):
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
    """The type of each expression, without those that may have any type: id, key, labels, show."""
    free = ("id", "labels.", "show.", "limit_per.")
    typed = {key: type_ for key, type_ in table.types.items() if not key.startswith(free)}
    return ", ".join(f"{key} is {type_}" for key, type_ in typed.items())


async def _rights(
    reader: Reader, table: SessionTable, findings: FindingWriter, *, is_trusted: bool
) -> AsyncIterator[Finding]:
    """Check row-level security and rights to write, of every relation that expressions read."""
    # A plan names what is below a view. It leaves out what it need not read: a table of which a
    # policy shows no row at all, for one.
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
            f"applies to this role on {', '.join(filtered)} and is trusted (row_security: trust): "
            "make sure that its policies show every row",
        )
    else:
        yield findings.ok("rights", "the role may read what is needed and sees every row")
    if writable:
        yield findings.warning(
            "read-only",
            f"the role could also {'; '.join(writable)}; `session-exporter sql role` prints one "
            "that cannot",
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


def _index(proposal: Proposal, findings: FindingWriter) -> Finding:
    name = f"index for {proposal.collector}"
    if proposal.is_served:
        return findings.ok(name, f"an index serves collector {proposal.collector}")
    remark = f"; {proposal.remark}" if proposal.remark else ""
    message = f"no index serves collector {proposal.collector}{remark}"
    if not proposal.commands:
        return findings.warning(name, message)
    return findings.failed(name, f"{message}; ask a DBA to run:", *proposal.commands)


async def _heartbeats(reader: Reader, table: SessionTable, findings: FindingWriter) -> Finding:
    """Whether an index, the application's own too, makes signs of life more expensive."""
    name = "indexes and signs of life"
    indexes = await heartbeats.find_indexes(reader, table)
    if not indexes:
        return findings.ok(name, "no index holds a column that changes with last_seen_at")
    return findings.warning(
        name,
        "an index holds a column that changes with last_seen_at: "
        f"{some_of(indexes, most=MOST_LISTED)}. An update of such a column is no HOT update: "
        f"it writes every index of the table. Measured with one such index: {heartbeats.COST}. "
        "Drop the index unless the application needs it; then `session-exporter sql index` prints "
        "what session-exporter needs",
    )


async def _daily(
    reader: Reader, table: SessionTable, daily: DailySettings, findings: FindingWriter
) -> AsyncIterator[Finding]:
    """Run the statement of the daily statistics, which reads closed sessions too."""
    name = "evaluation for daily"
    try:
        cost = await _cost_of(reader, await query_of_all_days(reader, table))
    except SourceError as error:
        yield findings.failed(name, await _explained(reader, table, error))
        return
    days = f"{daily.days} days" if daily.days > 1 else "day"
    yield findings.ok(name, f"what daily reads works on every session that started in its {days}")
    yield findings.ok(
        "cost of daily",
        f"reading all days {cost}; later each past day once an hour, and today alone every "
        f"{daily.every:g} s",
    )


async def _cost_of(reader: Reader, statement: str) -> str:
    """Run a statement and measure it. Raises SourceError."""
    (explained,) = await reader.value(fill("check/analyze", statement=statement))
    plan = explained["Plan"]
    blocks = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    took = explained["Planning Time"] + explained["Execution Time"]
    return f"took {took:.1f} ms and read {blocks} blocks"
