"""Rule: what closing an orphaned session means for one source, as SQL on its table.

The row is `s`, and the end that is chosen for it is `e.session_exporter_end`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.queries import fill, identifier, literal
from exporter.sessions import TRANSACTION_TIME, Moment, SessionTable, interval
from exporter.sessions.relation import Relation

#: No column of an application is called this, so that a bare word is never ambiguous.
END = "session_exporter_end"


@dataclass(frozen=True, slots=True)
class Rule:
    """One source bound to its table for writing. Every text is SQL about the row `s`."""

    table: SessionTable
    id: str
    id_type: str
    end: str
    """When the session ended, as timestamptz."""
    changes: Mapping[str, str]
    """The new value of each column that is written, in the order of the config."""
    returning: Mapping[str, str]
    alive: str
    """Whether further evidence proves it alive; never NULL."""
    exempt: str
    """Whether it is protected; never NULL."""

    def statement(self, name: str, **parts: str) -> str:
        """The template `queries/<name>.sql`; `parts` are what the rule does not decide."""
        table, recovery = self.table, self.table.source.recovery
        shared = {
            "table": table.table,
            "rows": table.rows,
            "id": self.id,
            "id_type": self.id_type,
            "last_seen": table.last_seen,
            "order": table.last_seen_order,
            "orphaned": table.orphaned(TRANSACTION_TIME),
            "alive": self.alive,
            "exempt": self.exempt,
            "end": self.end,
            "backlog": self.is_backlog,
            "written": self.columns_written,
            "returning": self.reported,
            "source": literal(table.source.name),
            "relation": literal(table.relation.sql),
            "queue": literal(f"session-exporter recovery {table.source.name}"),
            "per_hour": str(recovery.per_hour),
            "keep": interval(recovery.audit.keep),
            "channel": literal(recovery.notify or ""),
            "declared": literal(recovery.evidence or ""),
        }
        return fill(name, **(shared | parts))

    @property
    def relation(self) -> Relation:
        return self.table.relation

    @property
    def recoverable(self) -> str:
        """The whole condition: orphaned by the clock and by all evidence, and not protected."""
        return (
            f"{self.table.rows} AND {self.table.orphaned(TRANSACTION_TIME)} AND NOT {self.alive} "
            f"AND NOT {self.exempt}"
        )

    @property
    def is_backlog(self) -> str:
        """Whether an orphan is too old to be closed without explicit permission; never NULL."""
        max_age = self.table.source.recovery.max_age
        return f"coalesce({self.table.orphaned(TRANSACTION_TIME, max_age)}, false)"

    @property
    def columns_written(self) -> str:
        """The columns that are written, with their values now, as jsonb."""
        return _object({name: f"s.{identifier(name)}" for name in self.changes})

    @property
    def reported(self) -> str:
        return _object(self.returning)

    @property
    def evidence(self) -> str:
        """What is known of a session when it is closed, as jsonb."""
        silence = f"extract(epoch FROM now() - {self.table.last_seen})"
        return _object({"last_seen": self.table.last_seen, "silence_seconds": silence})

    @property
    def still_alive(self) -> str:
        """Of a row that was closed: whether the evidence proves it alive as it is now, as jsonb.

        So does evidence that reads what closing writes, and then nothing follows from it later.
        """
        is_declared = self.table.source.recovery.evidence is not None
        return _object({"alive": self.alive} if is_declared else {})

    @property
    def description(self) -> dict[str, object]:
        """By which rule a session is closed, for the audit."""
        source = self.table.source
        return {
            "orphaned_after_seconds": source.orphaned_after,
            "end_at": source.recovery.end_at or "last_seen",
            "evidence": source.recovery.evidence,
            "exempt": source.recovery.exempt,
        }


def _object(values: Mapping[str, str]) -> str:
    pairs = (f"{literal(name)}, ({text})" for name, text in values.items())
    return f"jsonb_build_object({', '.join(pairs)})"


def own_end_or(table: SessionTable, end: str) -> str:
    """The end that the application has written, where it has; else the one that is chosen."""
    ended_at = table.ended_at
    if ended_at is None:
        return end
    return f"CASE WHEN {has_ended(ended_at)} THEN {ended_at.sql} ELSE ({end}) END"


def has_ended(ended_at: Moment) -> str:
    """Whether an end has passed: one in the future is only planned."""
    return f"{ended_at.sql} <= now()"
