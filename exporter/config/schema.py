"""The JSON schema of the config file, for editors."""

import ast
import inspect
import itertools
from typing import Any

from exporter.config.build import ConfigFile
from exporter.config.fields.model import Model
from exporter.config.fields.values import NAME


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). A file that fits it may still contradict itself."""
    schema = ConfigFile.model_json_schema()
    definitions = schema["$defs"]
    del definitions["Source"]["required"]  # the defaults may hold all of them
    for section in ("databases", "sources"):
        schema["properties"][section]["propertyNames"] = {"pattern": f"^{NAME}$"}
    for definition in (schema, *definitions.values()):
        for key in definition.get("properties", {}).values():
            key.pop("title", None)  # it repeats the key
    for each in Model.__subclasses__():
        properties = definitions.get(each.__name__, schema)["properties"]
        for key, text in descriptions(each).items():
            if key in properties:
                properties[key] = dict(sorted({**properties[key], "description": text}.items()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "config.yaml of session-exporter",
        "patternProperties": {"^x-": {}},
    }


def descriptions(model: type[Model]) -> dict[str, str]:
    """Return the docstrings of the keys of a model that have one, each on one line.

    Pydantic would read those of all models when they are imported, which takes a third of the time.
    """
    (defined,) = ast.parse(inspect.getsource(model)).body
    found = {}
    for field, text in itertools.pairwise(getattr(defined, "body", ())):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(docstring))):
                found[model.model_fields[name].alias or name] = " ".join(docstring.split())
    return found
