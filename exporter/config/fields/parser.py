"""The parser of a field's value, and the one error that it raises."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from exporter.config.file.document import KeyPath, Text

VARIABLE = r"\$\{"  # a JSON schema cannot know the value of a variable


@dataclass(eq=False)
class ExpectedError(ValueError):
    """A value is not as expected; the message adds its line, its key and the value."""

    what: str
    """Completes the sentence that begins with "expected"."""
    advice: str = ""
    """How to correct it."""
    got: str = ""
    """Completes "got", where it is not simply the value."""
    block: bool = False
    """Whether YAML may have read a part of an SQL expression: the message shows the block form."""
    at: KeyPath = ()
    """Where inside the value."""
    keys: tuple[str, ...] = ()
    """The keys of one mapping that contradict each other."""

    def __str__(self) -> str:
        return f"expected {self.what}"


@dataclass(eq=False)
class Parser:
    """Marks a field of a model, `Annotated[bool, Parser(…)]`, and parses its value in the file."""

    parse: Callable[..., Any]
    """Takes the value, and ValidationInfo if it likes: its context is the folder of the file.
    Returns the value of the field; raises ExpectedError."""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string", "minLength": 1})
    """The JSON schema of the values that the file may hold."""
    or_type: bool = False
    """Whether the file may also hold what the type of the field itself takes."""
    is_sql: bool = False
    """Whether problems with the value show how to write SQL in YAML."""

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return BeforeValidator(self.parse).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), self.schema]} if self.or_type else dict(self.schema)


def suggest(word: object, known: Iterable[str]) -> str:
    """Return "did you mean x?" with the nearest known word, or an empty text."""
    if not isinstance(word, str) or (isinstance(word, Text) and word.variables):
        return ""
    spellings = {each.lower(): each for each in known}
    found = get_close_matches(word[:100].lower(), spellings, n=1)
    return f"did you mean {spellings[found[0]]}?" if found else ""
