"""Closing sessions through a function in the database, instead of by statements of our own.

The one that `sql function` prints for the present config is handed the sessions, and keeps every
rule of recovery by itself. Any other one finds by itself what to close, writes what it likes and
writes nothing down: it is called when somebody says so, and never automatically.
"""

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exporter.config import TableName
from exporter.errors import Locked, SchemaMismatch
from exporter.postgres import Reader, Writer
from exporter.queries import fill, literal
from exporter.recovery.audit.control import is_paused
from exporter.recovery.close.batches import (
    Admission,
    CloseRun,
    HeldUpError,
    Outcome,
    Recovered,
    Trigger,
    array,
)
from exporter.recovery.close.candidates import Candidate, find_candidates
from exporter.recovery.functions import definitions
from exporter.recovery.functions.definitions import Function, recover_function, undo_function
from exporter.recovery.functions.installed import THRESHOLD, Found, find_functions
from exporter.recovery.rule import statements
from exporter.recovery.rule.rule import Rule


@dataclass(frozen=True, slots=True)
class Call:
    """What `recovery.call` means for one source."""

    function: Found
    is_own: bool
    """Whether it is the function that `sql function` prints for the present config."""

    def demand_own(self, why: str) -> None:
        """Raise SchemaMismatch where it is another one."""
        if not self.is_own:
            raise SchemaMismatch(
                f"recovery.call: {self.function.sql} is not what `session-exporter sql function` "
                f"prints: what it checks and writes is its own affair, so {why}"
            )


async def find_call(reader: Reader, rule: Rule) -> Call | None:
    """The function that recovery of a source calls; None where it writes by itself.

    Raises SchemaMismatch where there is none, or one that was printed for another config.
    """
    source = rule.table.source
    called = source.recovery.call
    if called is None:
        return None
    printing = f"session-exporter sql function {source.name}"
    own = recover_function(rule) if rule.changes else None
    found = await find_functions(reader, called)
    if not found:
        raise SchemaMismatch(
            f"recovery.call: there is no function {called} in this database; `{printing}` prints "
            f"{own.sql if own else 'one, once `set` says what closing writes'}"
        )
    for function in found:
        if own is not None and function.is_as(own):
            return Call(function, is_own=True)
    for function in found:
        if function.is_printed:
            raise SchemaMismatch(
                f"recovery.call: {function.sql} is not what `{printing}` prints now: the config, "
                "the table or session-exporter has changed, or somebody has changed the function; "
                f"print it again, have it run, and call {own.sql if own else 'that'}"
            )
    fitting = [function for function in found if function.is_callable]
    if len(fitting) != 1:
        raise SchemaMismatch(
            f"recovery.call: expected one function {called} that takes nothing, or {THRESHOLD}, "
            f"got {', '.join(function.signature for function in found)}"
        )
    return Call(fitting[0], is_own=False)


async def find_sibling(reader: Reader, printed: Function, source: str) -> str:
    """The qualified name of a function that was printed together with the one that closes."""
    found = await find_functions(reader, TableName(printed.schema, printed.name, True, True))
    if not any(function.is_as(printed) for function in found):
        raise SchemaMismatch(
            f"there is no function {printed.sql} for the present config; print it again, and have "
            f"it run: session-exporter sql function {source}"
        )
    return printed.sql


async def find_undo(reader: Reader, rule: Rule) -> str | None:
    """The qualified name of the function that undoes, where closing is done by a printed one."""
    call = await find_call(reader, rule)
    if call is None or not call.is_own:
        return None
    return await find_sibling(reader, undo_function(rule), rule.table.source.name)


class FunctionCloser(CloseRun):
    """One run of recovery on one source by the function that `sql function` printed."""

    MOST = definitions.MOST

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        rule: Rule,
        call: Call,
        *,
        trigger: Trigger,
        with_backlog: bool,
    ) -> None:
        super().__init__(writer, rule, trigger=trigger, with_backlog=with_backlog)
        self._reader = reader
        self._function = call.function.sql
        self._with_backlog = with_backlog

    async def _close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        admitted = Admission(chunk)
        if self._trigger == "auto":
            admitted = await self._looked_up(chunk)
        closed = await self._call(admitted.chunk, outcome.run) if admitted.chunk else []
        outcome.add(admitted, closed)

    async def _looked_up(self, chunk: Sequence[Candidate]) -> Admission:
        """The function decides by itself; this is to count what it leaves, and why."""
        source = self._rule.table.source
        if await is_paused(self._reader, source.name):
            return Admission((), paused=len(chunk))
        (result,) = await self._reader.read(statements.budget(source))
        left = max(result.rows[0][0], 0)
        return Admission(chunk[:left], over_budget=max(len(chunk) - left, 0))

    async def _call(self, chunk: Sequence[Candidate], run: uuid.UUID) -> list[Recovered]:
        statement = fill(
            "recovery/close/call",
            function=self._function,
            ids=array(candidate.session for candidate in chunk),
            versions=array(candidate.version for candidate in chunk),
            run=literal(str(run)),
            trigger=literal(self._trigger),
            with_backlog="true" if self._with_backlog else "false",
        )
        try:
            async with self._writer.transaction() as transaction:
                result = await transaction.run(statement)
        except Locked as error:
            raise HeldUpError from error
        return [Recovered(session, report) for session, report in result.rows]


def by_hand(
    writer: Writer, reader: Reader, rule: Rule, call: Call | None, *, with_backlog: bool
) -> CloseRun:
    """What closes sessions when somebody says so, and can be undone."""
    if call is None:
        return CloseRun(writer, rule, trigger="manual", with_backlog=with_backlog)
    return FunctionCloser(writer, reader, rule, call, trigger="manual", with_backlog=with_backlog)


class CallingOther:
    """One call of somebody else's function. What it did is seen from what is left."""

    def __init__(
        self, writer: Writer, reader: Reader, rule: Rule, call: Call, *, with_backlog: bool
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._rule = rule
        self._function = call.function
        self._with_backlog = with_backlog

    async def run(
        self,
        candidates: Sequence[Candidate],
        *,
        progress: Callable[[Outcome], None],
        continuing: Outcome,
    ) -> Outcome:
        """Call it once, and tell which of the candidates are none any more.

        Raises SourceError; then nothing was changed.
        """
        outcome = continuing
        outcome.can_undo = False
        minutes = math.ceil(self._rule.table.source.orphaned_after / 60)
        arguments = f"{THRESHOLD} => {minutes}" if self._function.takes_threshold else ""
        statement = fill(
            "recovery/close/call_other", function=self._function.sql, arguments=arguments
        )
        try:
            async with self._writer.transaction() as transaction:
                await transaction.run(statement)
        except Locked:
            outcome.passed_over = len(candidates)
        else:
            pages = find_candidates(self._reader, self._rule, with_backlog=self._with_backlog)
            left = {each.session async for page in pages for each in page}
            gone = [each.session for each in candidates if each.session not in left]
            outcome.recovered += [Recovered(session, "{}") for session in gone]
            outcome.closed += len(gone)
            outcome.passed_over = len(candidates) - len(gone)
        progress(outcome)
        return outcome
