"""What is proposed for a table: the lines of a source with what was seen, or why it is left out."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from exporter.discover.facts import ServerFacts
from exporter.discover.sql_text import table_sql


class Standing(StrEnum):
    """Whether a source is written so that it works, or commented out with its questions."""

    LIVE = "live"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Line:
    """A key of a source: its value, what was seen, and whether it is commented out."""

    key: str
    value: Any
    because: str = ""
    is_suggestion: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a person has to answer about a key of a source."""

    key: str
    text: str


@dataclass(slots=True)
class SourceProposal:
    """A source as it would be declared."""

    name: str
    schema: str
    relation: str
    standing: Standing
    lines: list[Line]
    questions: list[Question] = field(default_factory=list)
    """What keeps it from being live, and what is asked about a live one."""
    remarks: list[str] = field(default_factory=list)
    recovery: list[Line] = field(default_factory=list)
    """What closing a session could write; always commented out."""
    no_recovery: str | None = None
    """Why nothing of the kind is proposed, with the application's own way."""
    application: str | None = None
    """The known application that it was recognised as, with the version."""

    @property
    def table(self) -> str:
        """The table as a config names it."""
        return table_sql(self.schema, self.relation)

    def doubt(self, key: str, text: str) -> None:
        """Comment the source out until a person has answered."""
        self.standing = Standing.QUESTION
        self.ask(key, text)

    def ask(self, key: str, text: str) -> None:
        """Ask about a key whose value works as it is."""
        question = Question(key, text)
        if question not in self.questions:
            self.questions.append(question)

    @property
    def is_live(self) -> bool:
        return self.standing is Standing.LIVE

    def value(self, key: str) -> Any:  # noqa: ANN401 - of any key
        """The value of a key that is not only suggested; None: it has none."""
        return next((e.value for e in self.lines if e.key == key and not e.is_suggestion), None)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A table that looks like a session table by its columns, and why it is none."""

    table: str
    reason: str


@dataclass(slots=True)
class Survey:
    """All that was found in a database."""

    server: ServerFacts
    tables: int
    sources: list[SourceProposal]
    left_out: list[LeftOut]
    unseen: list[str] = field(default_factory=list)
    """What the role could not see, as sentences."""
    reads_data: bool = True

    @property
    def live(self) -> list[SourceProposal]:
        return [each for each in self.sources if each.is_live]
