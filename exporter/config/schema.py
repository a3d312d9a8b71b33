"""The JSON schema of the config file, for editors."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from exporter.config.database import DatabaseSettings
from exporter.config.fields.model import Model
from exporter.config.fields.values import NAME
from exporter.config.source import Source


class File(Model):
    """The config file of session-exporter."""

    databases: Mapping[str, DatabaseSettings] = Field(
        min_length=1,
        description="The databases, by a name of yours; it becomes the label database.",
    )
    defaults: Source | None = Field(
        default=None,
        description="Any key of a source; holds for the sources that do not write it themselves.",
    )
    sources: Mapping[str, Source] = Field(
        min_length=1,
        description="The session tables, by a name of yours; it becomes the label source.",
    )


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). A file that fits it may still contradict itself."""
    schema = File.model_json_schema()
    definitions = schema["$defs"]
    for model in (DatabaseSettings, Source):  # their name is the key around them
        definition = definitions[model.__name__]
        del definition["properties"]["name"]
        definition["required"].remove("name")
    del definitions["Source"]["required"]  # all of them may stand in the defaults
    for section in ("databases", "sources"):
        schema["properties"][section]["propertyNames"] = {"pattern": f"^{NAME}$"}
    for definition in (schema, *definitions.values()):
        for key in definition.get("properties", {}).values():
            key.pop("title", None)  # it only says the key again
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "config.yaml of session-exporter",
        "patternProperties": {"^x-": {}},
    }
