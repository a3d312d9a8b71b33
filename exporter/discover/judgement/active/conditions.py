"""The condition that makes a session active: as SQL of the config, and on the rows of a sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from exporter.discover.facts import ColumnFacts
from exporter.discover.judgement.surveyed_table import SurveyedTable
from exporter.discover.sql_text import column_sql, number_sql, text_sql


class Proof(IntEnum):
    """How well it is known that a condition means active."""

    NAMES = 1
    """By names alone."""
    ROWS = 2
    """The rows of the sample agree."""
    INDEX = 3
    """A partial index of the application has it."""


@dataclass(frozen=True, slots=True)
class ActiveCondition:
    """A condition on one column; one of `values`, `flag` and the end decides."""

    column: ColumnFacts
    proof: Proof
    because: str
    """What was seen, as a sentence."""
    values: Sequence[str] | None = None
    flag: bool | None = None
    none: float | None = None
    """What stands for no end in place of NULL."""
    begun: ColumnFacts | None = None
    """The start that a row has to have, where others wait."""
    doubt: str | None = None
    """Why it is a question; None: it is not."""

    @property
    def sql(self) -> str:
        """The condition as SQL of the config."""
        waits = "" if self.begun is None else f"{column_sql(self.begun.name)} IS NOT NULL AND "
        return f"{waits}{self._own_sql}"

    @property
    def _own_sql(self) -> str:
        name = column_sql(self.column.name)
        if self.flag is not None:
            return name if self.flag else f"NOT {name}"
        if self.values is not None:
            is_text = self.column.is_text
            written = [text_sql(each) if is_text else each for each in self.values]
            return (
                f"{name} = {written[0]}"
                if len(written) == 1
                else f"{name} IN ({', '.join(written)})"
            )
        return (
            f"{name} IS NULL"
            if self.none is None
            else (f"{name} = {number_sql(self.none, self.column)}")
        )

    def holds(self, surveyed: SurveyedTable, row: int) -> bool:
        """Whether a row of the sample is active."""
        if self.begun is not None and surveyed.raw(self.begun, row) is None:
            return False
        value = surveyed.raw(self.column, row)
        if self.flag is not None:
            return value is self.flag
        if self.values is not None:
            return value in self.values
        return not surveyed.has_ended(row)
