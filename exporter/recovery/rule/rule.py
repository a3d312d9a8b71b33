"""Rule: the condition and the new values for closing sessions of one source, as SQL on its table.

The row is `s`, and its chosen end is `e.session_exporter_end`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from exporter.queries import fill, identifier, join_lines, literal
from exporter.recovery.rule.session_id import SessionId
from exporter.recovery.rule.texts import is_unchanged, json_object, restored, texts_of
from exporter.sessions import TRANSACTION_TIME, Moment, SessionTable, interval
from exporter.sessions.relation import Column, Relation

#: How many seconds in the future a computed end may be: a number may be rounded up, and the clock
#: of an expression or a trigger is later than the transaction time.
AHEAD = 5.0

#: No column of an application has this name, so that a bare word is never ambiguous.
END = "session_exporter_end"


@dataclass(frozen=True)
class Rule:
    """One source bound to its table for writing. Every text is SQL about the row `s`."""

    table: SessionTable
    id: SessionId
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
        """The template `queries/<name>.sql`; `parts` are those that the rule does not define."""
        return fill(name, **(self._parts | parts))

    @cached_property
    def _parts(self) -> dict[str, str]:
        """The parts of templates that the rule defines: built once, not while rows are locked."""
        table, recovery = self.table, self.table.source.recovery
        assignments = [f"{identifier(name)} = ({text})" for name, text in self.changes.items()]
        silence = f"extract(epoch FROM pg_catalog.now() - {table.last_seen})"
        own_seconds = {}
        if table.own_seconds is not None:
            own_seconds = {"orphaned_after_seconds": table.own_seconds}
        proof = {}
        if table.source.has_evidence:
            proof["cause"] = self.cause
        if table.owner is not None:
            proof["owner"] = table.owner
        still_alive = {"alive": self.alive} if recovery.evidence is not None else {}
        return {
            "table": table.table,
            "rows": table.rows,
            **self.id.parts,
            "last_seen": table.last_seen,
            "order": table.last_seen_order,
            "orphaned": table.orphaned(TRANSACTION_TIME),
            "alive": self.alive,
            "exempt": self.exempt,
            "end": self.end,
            "backlog": self.is_backlog,
            "assignments": join_lines(assignments),
            "written": texts_of(self.changes),
            "is_unchanged": is_unchanged(self._columns(self.changes)),
            "is_trusted": fill("recovery/undo/is_trusted", relation=literal(table.relation.sql)),
            "is_of_closer": fill(
                "recovery/audit/is_of_closer", relation=literal(table.relation.sql)
            ),
            "is_other_id": fill(
                "recovery/undo/is_other_id",
                relation=literal(table.relation.sql),
                id_names=literal(json.dumps(self.id.column_names)),
            ),
            "returning": json_object(self.returning),
            "evidence": json_object(
                {"last_seen": table.last_seen, "silence_seconds": silence} | own_seconds | proof
            ),
            # Evidence that reads columns which closing writes may prove a closed session alive;
            # such evidence has no consequences later.
            "still_alive": json_object(still_alive),
            # A webhook that is declared later is not notified of earlier closures.
            "tell_at": "NULL" if recovery.webhook is None else "pg_catalog.now()",
            "source": literal(table.source.name),
            "fingerprint": literal(self.fingerprint),
            "relation": literal(table.relation.sql),
            "queue": literal(f"session-exporter recovery {table.source.name}"),
            "per_hour": str(recovery.per_hour),
            "keep": interval(recovery.audit.keep),
            "channel": literal(recovery.notify or ""),
            "declared": literal(recovery.evidence or ""),
        }

    def budget_statement(self, day_limit: int | None) -> str:
        """How many sessions automatic recovery may still close; None: no limit of a day."""
        return self.statement(
            "recovery/close/budget",
            per_day="NULL" if day_limit is None else str(day_limit),
            spent=self.statement("recovery/decision/spent"),
        )

    def undo_statement(self, names: Iterable[str], *, numbers: str, reason: str) -> str:
        """Restore the old values of these columns, and record it; `numbers` is for IN (…)."""
        columns = self._columns(names)
        return self.statement(
            "recovery/undo/undo",
            columns=", ".join(identifier(each.name) for each in columns),
            restored=restored(columns),
            is_unchanged=self._is_as_left(columns),
            numbers=numbers,
            reason=reason,
        )

    def plan_undo_statement(self, names: Iterable[str], **page: str) -> str:
        """The present state of each session of a run that has written these columns."""
        is_as_left = self._is_as_left(self._columns(names))
        return self.statement("recovery/undo/plan", is_unchanged=is_as_left, **page)

    def _columns(self, names: Iterable[str]) -> list[Column]:
        return [self.relation.columns[name] for name in names]

    def _is_as_left(self, columns: Iterable[Column]) -> str:
        """Whether the row is the one that recovery wrote, with unchanged values; never NULL.

        Several rows may have the same id and the same values: then the version tells.
        """
        if not self.id.may_be_shared:
            return is_unchanged(columns)
        return fill(
            "recovery/undo/is_only",
            table=self.table.table,
            is_other=self.id.is_other(),
            is_unchanged=is_unchanged(columns),
        )

    @property
    def fingerprint(self) -> str:
        """An identifier of the rule, which changes if other sessions would be closed."""
        last_seen, backlog = self.table.last_seen, self.is_backlog
        meaning = (self.relation.sql, self.id.key(), self.recoverable, last_seen, backlog, self.end)
        return hashlib.sha256("\n".join(meaning).encode()).hexdigest()[:16]

    @property
    def relation(self) -> Relation:
        return self.table.relation

    @property
    def written_times(self) -> dict[str, Moment]:
        """The new values of columns that hold a time of the session, as moments."""
        moments = {name: self.table.stored_in(name) for name in self.changes}
        return {
            name: replace(each, raw=f"({self.changes[name]})::{self.relation.columns[name].type}")
            for name, each in moments.items()
            if each is not None
        }

    def is_ahead(self, *, is_written: bool) -> str:
        """Whether the chosen end, or the new value of ended_at, is in the future; never NULL.

        `is_written` is whether the row has the new value. An end at the start is never ahead: by
        the clock of the application, the start may be in the future. For `{end}` alone the chosen
        end is compared; read back, a local time that occurs twice may be the later one.
        """
        table = self.table
        latest = f"greatest({TRANSACTION_TIME.now}, {table.started_at.sql})"
        checks, ended_at = [f"e.{END} > {latest}"], table.ended_at
        texts = {word: text.strip() for word, text in table.source.recovery.set.items()}
        computed = [self.relation.column(word).name for word in texts if texts[word] != "{end}"]
        new = self.written_times.get(ended_at.column or "") if ended_at else None
        if ended_at is not None and new is not None and ended_at.column in computed:
            moment = ended_at if is_written else new
            checks.append(f"{moment.sql} > {latest} + {interval(AHEAD)}")
        return f"coalesce({' OR '.join(checks)}, false)"

    @property
    def recoverable(self) -> str:
        """The whole condition: orphaned by the clock and by all evidence, and not protected."""
        orphaned = f"{self.table.rows} AND {self.table.orphaned(TRANSACTION_TIME)}"
        if not self.table.source.closes_by_age:
            orphaned += f" AND ({self.cause}) IN ('ownerless', 'ghost')"
        if self.table.is_listed is not None:
            # A listed session may live, however old it looks, and even if its owner is dead.
            orphaned += f" AND {self.table.is_listed} IS NOT TRUE"
        return f"{orphaned} AND NOT {self.alive} AND NOT {self.exempt}"

    @property
    def recoverable_by_hand(self) -> str:
        """The same for a person, who has seen the cause of each: also sessions stale in a list.

        A listed session with a fresh sign of life is not orphaned.
        """
        orphaned = f"{self.table.rows} AND {self.orphaned_by_hand}"
        return f"{orphaned} AND NOT {self.alive} AND NOT {self.exempt}"

    @property
    def orphaned_by_hand(self) -> str:
        """Whether a row is orphaned; if it is stale in a list, also by its own times."""
        orphaned = self.table.orphaned(TRANSACTION_TIME)
        if self.table.source.list is None:
            return orphaned
        by_age = self.table.orphaned_by_age(TRANSACTION_TIME)
        return f"{orphaned} AND (({self.cause}) <> 'stale_in_list' OR {by_age})"

    @property
    def cause(self) -> str:
        """Why a row is orphaned, one of CAUSES; NULL for a source without owners and a list."""
        if not self.table.source.has_evidence:
            return "NULL::text"
        return self.table.cause(TRANSACTION_TIME)

    @property
    def is_backlog(self) -> str:
        """Whether an orphan is too old to be closed without explicit permission; never NULL."""
        max_age = self.table.source.recovery.max_age
        return f"coalesce({self.table.orphaned(TRANSACTION_TIME, max_age)}, false)"

    @property
    def is_held(self) -> str:
        """Whether a stop holds an orphan, as of the snapshot that reads this; never NULL.

        The time of the stop is read once in a statement.
        """
        before = self.statement(
            "recovery/control/held_before", stopped=self.statement("recovery/control/stopped")
        )
        held = f"NOT {self.is_backlog} AND {self.table.last_seen} < (\n{before}\n)"
        return f"coalesce({held}, false)"


def own_end_or(table: SessionTable, end: str) -> str:
    """The end that the application has written, if any; otherwise the chosen end."""
    if table.ended_at is None:
        return end
    return (
        f"CASE WHEN {table.has_ended(TRANSACTION_TIME)} THEN {table.ended_at.sql} ELSE ({end}) END"
    )
