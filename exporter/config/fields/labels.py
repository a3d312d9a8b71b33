"""Labels: what counts are split by."""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo

from exporter.config.fields.model import Model, NonEmpty
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import Sql
from exporter.config.fields.values import Name

FORM = "[a-zA-Z_][a-zA-Z0-9_]*"
RESERVED = "database|source|date|le|kind|instance|job|__.*"

LabelName = Annotated[str, Name(f"a label name ({FORM})", FORM, RESERVED)]


class LabelValue(Parser):
    """A value that a label may have."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        """Return the text; a whole number stands for its digits."""
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value or "\0" in value:
            raise ExpectedError("a text", "put it in quotes")
        if value == "other":
            raise ExpectedError("a value besides other", "other is always there; leave it out")
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        """Return that numbers are fine too."""
        return {"type": ["string", "integer"], "minLength": 1, "not": {"const": "other"}}


class Label(Model):
    """A label that counts are split by."""

    value: Sql = Field(
        examples=["difficulty"],
        description="What gives the label its value: a column or an expression.",
    )
    values: NonEmpty[Annotated[str, LabelValue()]] = Field(
        examples=["[BEGINNER, PRO]"],
        json_schema_extra={"minItems": 1},
        description="The values that are counted separately; all others, and NULL, count as other.",
    )
