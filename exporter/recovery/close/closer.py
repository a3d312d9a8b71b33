"""Closer: what closes sessions in one transaction, and what each one checks first.

A single guarded UPDATE is not enough to close one: where evidence is in another table, PostgreSQL
does not read it again after it has waited for a row lock (documentation, "Transaction Isolation",
on READ COMMITTED). So each closer locks first, and rechecks with a newer snapshot.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from exporter.errors import SourceError
from exporter.postgres import Reader, Transaction
from exporter.queries import fill
from exporter.recovery.audit.control import find_pause
from exporter.recovery.close.candidates import Candidate, Outcome
from exporter.recovery.rule.rule import Rule

#: For how long what owners and lists say closes sessions, in seconds: an exporter may stand still.
EVIDENCE_LASTS = 10.0


class WriteBlocked(Exception):
    """Writing waited for a lock; with several sessions it is not known for which of them."""


class Closer(Protocol):
    """What closes sessions in one transaction: by statements, or by a function in the database."""

    @property
    def most(self) -> int:
        """The most sessions of one transaction, whatever is asked for."""

    async def close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        """All or nothing; `outcome` has what was committed. Raises SourceError and WriteBlocked."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What automatic recovery has decided, which each transaction checks again."""

    server: str
    """The server that was observed."""
    day_limit: int | None = None
    """The most sessions of a day; None where only `per_hour` limits them."""
    is_evidence_fresh: Callable[[], bool] = lambda: True
    """Whether what owners and lists say was answered less than EVIDENCE_LASTS ago."""


EvidenceSettings = Callable[[Sequence[Candidate]], Awaitable[tuple[str, ...]]]
"""Gives the statements that have a transaction know what owners and lists say now of sessions.

Raises SourceError while that is not known, and nothing is closed.
"""


async def no_evidence(_chunk: Sequence[Candidate]) -> tuple[str, ...]:
    """Of a source without owners and lists."""
    return ()


async def admit(
    reader: Reader | Transaction,
    rule: Rule,
    permission: Permission | None,
    chunk: Sequence[Candidate],
) -> tuple[Sequence[Candidate], bool]:
    """Those that one transaction may close, and whether a pause forbids it.

    Automatically no more than the budget, which all exporters share through the audit table, and
    nothing once the source is paused: each transaction checks. By hand, without a permission, all.
    Raises SourceError where the server is not the one that was observed.
    """
    if permission is None:
        return chunk, False
    if await find_pause(reader, rule.table.source.name):
        return (), True
    if isinstance(reader, Transaction):
        # Two statements: the count has to see what the one that we waited for has committed.
        await reader.run(rule.statement("recovery/close/queue"))
        await require_server(reader, permission)
    ((budget,),) = await reader.rows(rule.budget_statement(permission.day_limit))
    return chunk[: max(budget, 0)], False


async def require_server(transaction: Transaction, permission: Permission | None) -> None:
    """Raise SourceError where this is not the server that was observed."""
    if permission is None:
        return
    statement = fill("recovery/close/server", server=fill("recovery/observation/server"))
    ((server,),) = await transaction.rows(statement)
    if server != permission.server:
        raise SourceError("the server changed after the sessions were observed; nothing was closed")
