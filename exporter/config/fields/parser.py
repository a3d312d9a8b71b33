"""The one error that reading a value raises, and the frame of everything that reads one."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from exporter.config.file.place import KeyPath, Text

VARIABLE = r"\$\{"  # a JSON schema cannot know what a variable will hold


@dataclass(eq=False)
class ExpectedError(ValueError):
    """A value is not what it should be; the message adds where it stands and what came instead."""

    what: str
    """Completes the sentence that begins with "expected"."""
    advice: str = ""
    """What to do about it."""
    came: str = ""
    """What came instead, where it is not simply the value."""
    block: bool = False
    """Whether YAML may have eaten a part of an SQL expression: the message shows the block form."""
    at: KeyPath = ()
    """Where inside the value."""
    keys: tuple[str, ...] = ()
    """The keys of one mapping that contradict each other."""

    def __str__(self) -> str:
        return f"expected {self.what}"


class Parser:
    """Marks a field of a model, `Annotated[float, Duration()]`: parses what the file says there."""

    def parse(self, value: object, info: ValidationInfo, /) -> object:
        """Return the value; raises ExpectedError. `info.context` is None outside of a file."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON schema of what may be written."""
        return {"type": "string", "minLength": 1}

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_before_validator_function(self.parse, handler(source))

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.json_schema()


def nearest(word: object, known: Iterable[str]) -> str:
    """Return "did you mean x?" for the known word that is nearest, or nothing."""
    if not isinstance(word, str) or (isinstance(word, Text) and word.variables):
        return ""
    spellings = {each.lower(): each for each in known}
    found = get_close_matches(word[:100].lower(), spellings, n=1)
    return f"did you mean {spellings[found[0]]}?" if found else ""
