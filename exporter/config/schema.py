"""The JSON schema of the config file, for editors."""

import ast
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

from exporter.config.build import NAMED_SECTIONS, ConfigFile
from exporter.config.fields.model import Model
from exporter.config.fields.values import NAME


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12). A file that fits it may still contradict itself."""
    schema = ConfigFile.model_json_schema()
    definitions = schema["$defs"]
    del definitions["Source"]["required"]  # the defaults may hold all of them
    definitions["KeyLimit"]["required"].remove("key")  # of a source without a table the list has it
    for section in NAMED_SECTIONS:
        schema["properties"][section]["propertyNames"] = {"pattern": f"^{NAME}$"}
    for definition in (schema, *definitions.values()):
        for key in definition.get("properties", {}).values():
            key.pop("title", None)  # it repeats the key
    for each in _models(Model):
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


def _models(model: type[Model]) -> Iterator[type[Model]]:
    """Yield the models that are made of another one."""
    for each in model.__subclasses__():
        yield each
        yield from _models(each)


def descriptions(model: type[Model]) -> dict[str, str]:
    """Return the docstrings of the keys of a model that have one, each on one line.

    Pydantic would read those of all models when they are imported, which takes a third of the time.
    """
    found = dict[str, str]()
    for base in model.__bases__:
        if base is not Model and issubclass(base, Model):
            found |= descriptions(base)
    (defined,) = ast.parse(inspect.getsource(model)).body
    for field, text in itertools.pairwise(getattr(defined, "body", ())):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(docstring))):
                found[model.model_fields[name].alias or name] = " ".join(docstring.split())
    return found
