"""Closer: closes sessions in one transaction, and the checks that each closer makes first.

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

#: How long an answer of owners and lists is used to close sessions, in seconds: an exporter may be
#: suspended in between.
EVIDENCE_LASTS = 10.0


class WriteBlocked(Exception):
    """Writing waited for a lock; with several sessions it is unknown for which of them."""


class Closer(Protocol):
    """Closes sessions in one transaction: by statements, or by a function in the database."""

    @property
    def most(self) -> int:
        """Upper limit for the sessions of one transaction."""

    async def close(self, chunk: Sequence[Candidate], outcome: Outcome) -> None:
        """All or nothing; `outcome` has what was committed. Raises SourceError and WriteBlocked."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The decision of automatic recovery, which each transaction rechecks."""

    server: str
    """The server that was observed."""
    day_limit: int | None = None
    """The most sessions of a day; None where only `per_hour` limits them."""
    is_evidence_fresh: Callable[[], bool] = lambda: True
    """Whether the answers of owners and lists are younger than EVIDENCE_LASTS."""


EvidenceSettings = Callable[[Sequence[Candidate]], Awaitable[tuple[str, ...]]]
"""Returns the statements that pass the present evidence of owners and lists to a transaction.

Raises SourceError while the evidence is unknown; then nothing is closed.
"""


async def no_evidence(_chunk: Sequence[Candidate]) -> tuple[str, ...]:
    """For a source without owners and lists."""
    return ()


async def admit(
    reader: Reader | Transaction,
    rule: Rule,
    permission: Permission | None,
    chunk: Sequence[Candidate],
) -> tuple[Sequence[Candidate], bool]:
    """The sessions that one transaction may close, and whether a pause forbids it.

    With a permission (automatic recovery) at most the budget, which all exporters share through the
    audit table, and none while the source is paused: each transaction checks. Without one (by hand)
    all. Raises SourceError if the server is not the observed one.
    """
    if permission is None:
        return chunk, False
    if await find_pause(reader, rule.table.source.name):
        return (), True
    if isinstance(reader, Transaction):
        # Two statements, so that the count sees the commit of the transaction that held the lock.
        await reader.run(rule.statement("recovery/close/queue"))
        await require_server(reader, permission)
    ((budget,),) = await reader.rows(rule.budget_statement(permission.day_limit))
    return chunk[: max(budget, 0)], False


async def require_server(transaction: Transaction, permission: Permission | None) -> None:
    """Raise SourceError if this is not the observed server."""
    if permission is None:
        return
    statement = fill("recovery/close/server", server=fill("recovery/observation/server"))
    ((server,),) = await transaction.rows(statement)
    if server != permission.server:
        raise SourceError("the server changed after the sessions were observed; nothing was closed")
