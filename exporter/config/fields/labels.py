"""Labels by which counts are split."""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo

from exporter.config.fields.model import Model, NonEmptyList
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.sql import Sql
from exporter.config.fields.values import Name

FORM = "[a-zA-Z_][a-zA-Z0-9_]*"
RESERVED = "database|source|date|le|kind|instance|job|__.*"

LabelName = Annotated[str, Name(f"a label name ({FORM})", FORM, RESERVED)]


class LabelValue(Parser):
    """A value of a label: a text, or a whole number, which stands for its digits."""

    def parse(self, value: object, _info: ValidationInfo, /) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value or "\0" in value:
            raise ExpectedError("a text", "put it in quotes")
        if value == "other":
            raise ExpectedError("a value besides other", "other is always there; leave it out")
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": ["string", "integer"], "minLength": 1, "not": {"const": "other"}}


class Label(Model):
    """A label by which counts are split."""

    value: Sql = Field(
        examples=["difficulty"], description="The value of the label: a column or an expression."
    )
    values: NonEmptyList[Annotated[str, LabelValue()]] = Field(
        examples=["[BEGINNER, PRO]"],
        json_schema_extra={"minItems": 1},
        description="Values that are counted separately; all others, and NULL, count as other.",
    )
