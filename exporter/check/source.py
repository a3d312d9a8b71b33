"""Proves each source against its database: what `check --live` finds, one finding per question."""

from collections.abc import AsyncIterator, Iterable

from exporter import sessions
from exporter.check.findings import Finding, FindingWriter, Status
from exporter.check.recovery import check_recovery
from exporter.clock import Clock
from exporter.collection.active import counting_query
from exporter.collection.daily import query_of_all_days
from exporter.config import Source
from exporter.errors import BadData, SourceError
from exporter.postgres import Database, Reader
from exporter.queries import fill, literal
from exporter.sessions import SessionTable, grants
from exporter.sessions.indexes import coverage, proposals

#: A clock that is further away, in seconds, is worth a warning: Prometheus compares its own time
#: with timestamps of the database.
CLOCK_TOLERANCE = 2.0


async def check_all(
    database: Database, sources: Iterable[Source], clock: Clock
) -> AsyncIterator[Finding]:
    """Check a database and, if it can be reached, the sources in it."""
    is_reachable = True
    async for finding in check_database(database, clock):
        is_reachable &= finding.status is not Status.FAILED
        yield finding
    for source in sources if is_reachable else ():
        async for finding in check_source(database, source):
            yield finding
        if source.recovery.is_declared:
            async for finding in check_recovery(database.settings, source):
                yield finding


async def check_database(database: Database, clock: Clock) -> AsyncIterator[Finding]:
    """Whether the database can be reached, as whom, and what it is."""
    find = FindingWriter(database.name)
    reader = database.reader()
    before = clock.wall()
    try:
        (result,) = await reader.read(fill("check/server"))
    except SourceError as error:
        yield find.failed("connection", str(error))
        return
    after = clock.wall()
    user, name, version, is_standby, now = result.rows[0]
    yield find.ok("connection", f"connected to {name} on PostgreSQL {version} as {user}")
    if is_standby:
        lag = database.replica_lag
        behind = "with unknown lag" if lag is None else f"{lag:.1f} s behind its primary"
        yield find.ok("replica", f"it is a standby, {behind}: it can be watched")
    else:
        yield find.ok("replica", "it is a primary")
    difference = now - (before + after) / 2
    if abs(difference) > CLOCK_TOLERANCE + (after - before) / 2:
        yield find.warning(
            "clock",
            f"its clock is {abs(difference):.1f} s {'ahead of' if difference > 0 else 'behind'} "
            "this machine's: counts are right, but ages that Prometheus computes are off by that",
        )
    else:
        yield find.ok("clock", f"its clock is {abs(difference):.3f} s from this machine's")


async def check_source(database: Database, source: Source) -> AsyncIterator[Finding]:
    """Whether a source fits its table, may read it all, and is read cheaply."""
    find = FindingWriter(database.name, source.name)
    reader = database.reader(timezone=sessions.time_zone(source))
    try:
        table = await sessions.bind(reader, source)
        yield find.ok("table", f"{table.table} is a {table.relation.kind}")
        yield find.ok("expressions", f"every type fits: {_described(table)}")
        is_trusted = database.settings.row_security == "trust"
        for finding in await _rights(reader, table, find, is_trusted=is_trusted):
            yield finding
        yield await _evaluation(reader, table, find)
        for finding in await _indexes(reader, table, find):
            yield finding
        yield await _cost(reader, table, find)
        if source.daily is not None:
            daily = database.reader(timezone=reader.timezone, timeout=source.daily.timeout)
            for finding in await _daily(daily, table, find):
                yield finding
    except SourceError as error:
        yield find.failed(error.reason, str(error))
        return
    yield find.ok("series", f"at most {source.series()} time series of {source.max_series}")


def _described(table: SessionTable) -> str:
    """The expressions whose type matters; an id, a label or what is shown may be anything."""
    free = ("id", "labels.", "show.")
    typed = {key: type_ for key, type_ in table.types.items() if not key.startswith(free)}
    return ", ".join(f"{key} is {type_}" for key, type_ in typed.items())


async def _rights(
    reader: Reader, table: SessionTable, find: FindingWriter, *, is_trusted: bool
) -> list[Finding]:
    """Of the table, and of whatever else its expressions read."""
    # A plan tells what is below a view. It leaves out what it need not read: a table of which a
    # policy shows no row at all, for one.
    (explained,) = await reader.read(fill("catalog/explain", statement=_evaluating(table)))
    planned = coverage.relations(explained.rows[0][0][0]["Plan"])
    named, _ = await grants.other_relations(reader, table.relation, [*table.expressions.values()])
    read = sorted({*planned, *named})
    names = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in read)
    (result,) = await reader.read(
        fill("check/rights", oid=str(table.relation.oid), names=names or "(NULL, NULL)")
    )
    filtered = [name for name, is_filtered, _ in result.rows if is_filtered]
    writes = [f"{', '.join(how)} on {name}" for name, _, how in result.rows if how]
    findings = []
    if is_trusted and filtered:
        # With row_security: refuse, binding fails where any row could be hidden.
        findings.append(
            find.warning(
                "row-level security",
                f"applies to this role on {', '.join(filtered)} and is trusted (row_security: "
                "trust): make sure that its policies show every row",
            )
        )
    else:
        findings.append(find.ok("rights", "the role may read what is needed and sees every row"))
    if writes:
        findings.append(
            find.warning(
                "read-only",
                f"the role could also {'; '.join(writes)}; `session-exporter sql role` prints one "
                "that cannot",
            )
        )
    else:
        findings.append(find.ok("read-only", "the role cannot write to what it reads"))
    return findings


def _evaluating(table: SessionTable) -> str:
    """Every expression over all active rows, as one statement."""
    tried = ",\n".join(f"count(({text}))" for text in table.expressions.values())
    return fill("check/evaluate_all", expressions=tried, table=table.table, rows=table.rows)


async def _evaluation(reader: Reader, table: SessionTable, find: FindingWriter) -> Finding:
    try:
        (result,) = await reader.read(_evaluating(table))
    except SourceError as error:
        return find.failed("evaluation", await _named(reader, table, error))
    rows = result.rows[0][0]
    return find.ok("evaluation", f"every expression works on all {rows} active rows")


async def _named(reader: Reader, table: SessionTable, error: SourceError) -> str:
    """What failed, with the expression that did where it was one."""
    is_data = isinstance(error, BadData)
    key = await sessions.name_failing_expression(reader, table) if is_data else None
    return f"{key}: {error}" if key else str(error)


async def _indexes(reader: Reader, table: SessionTable, find: FindingWriter) -> list[Finding]:
    findings = []
    for proposal in await proposals.propose(reader, table):
        name = f"index for {proposal.collector}"
        remark = f"; {proposal.remark}" if proposal.remark else ""
        if proposal.is_served:
            findings.append(find.ok(name, f"an index serves collector {proposal.collector}"))
        elif proposal.commands:
            message = f"no index serves collector {proposal.collector}{remark}; a DBA runs"
            findings.append(find.failed(name, message, *proposal.commands))
        else:
            message = f"no index serves collector {proposal.collector}{remark}"
            findings.append(find.warning(name, message))
    return findings


async def _cost(reader: Reader, table: SessionTable, find: FindingWriter) -> Finding:
    cost = await _measured(reader, counting_query(table))
    return find.ok("cost", f"one collection of active {cost}, every {table.source.every:g} s")


async def _daily(reader: Reader, table: SessionTable, find: FindingWriter) -> list[Finding]:
    """The daily statistics read closed sessions too: their very statement, as it is collected."""
    name, daily = "evaluation for daily", table.source.daily
    assert daily is not None  # noqa: S101 - asked only then
    try:
        cost = await _measured(reader, await query_of_all_days(reader, table))
    except SourceError as error:
        return [find.failed(name, await _named(reader, table, error))]
    days = f"{daily.days} days" if daily.days > 1 else "day"
    return [
        find.ok(name, f"what daily reads works on every session that started in its {days}"),
        find.ok(
            "cost of daily",
            f"reading all days {cost}, once an hour; today alone every {daily.every:g} s",
        ),
    ]


async def _measured(reader: Reader, statement: str) -> str:
    """What a statement costs, by running it."""
    (result,) = await reader.read(fill("check/analyze", statement=statement))
    explained = result.rows[0][0][0]
    plan = explained["Plan"]
    blocks = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    took = explained["Planning Time"] + explained["Execution Time"]
    return f"took {took:.1f} ms and read {blocks} blocks"
