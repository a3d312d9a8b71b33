"""Plain data -> databases and sources. Every problem becomes one of the document's."""

import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config import messages
from exporter.config.database import DatabaseSettings
from exporter.config.fields.parser import ExpectedError, nearest
from exporter.config.fields.values import NAME
from exporter.config.file.document import Document
from exporter.config.file.place import MISSING, KeyPath, lookup, printable
from exporter.config.merge import ConfigLocation, merge
from exporter.config.source import Source

SECTIONS = ("databases", "defaults", "sources")

M = TypeVar("M", DatabaseSettings, Source)


class Builder:
    """Builds what it can: a problem in one place does not hide those in others."""

    def __init__(self, document: Document, folder: Path) -> None:
        self.document = document
        self.folder = folder
        self.root: dict[str, Any] = {}
        if document.data is None:
            document.reject((), "the file is empty; docs/configuration.md begins with one")
        elif not isinstance(document.data, dict):
            self._report((), ExpectedError("a mapping with the keys databases and sources"))
        else:
            self.root = document.data
            self._check_sections()

    def databases(self) -> dict[str, DatabaseSettings]:
        """Return the databases that are right."""
        built = {}
        for name, data in self._section("databases").items():
            place = ConfigLocation(self.root, ("databases", name))
            built[name] = self._build(DatabaseSettings, name, data, place)
        return {name: database for name, database in built.items() if database is not None}

    def sources(self) -> dict[str, Source]:
        """Return the sources that are right."""
        defaults = self._section("defaults")
        self._check_defaults(defaults)
        built = {}
        for name, data in self._section("sources").items():
            place = ConfigLocation(self.root, ("sources", name), inherited=("defaults",))
            if isinstance(data, dict):
                merged = merge(defaults, data)
                merged["database"] = self._databases_of(merged, place)
                built[name] = self._build(Source, name, merged, place)
            else:
                built[name] = self._build(Source, name, data, place)
        return {name: source for name, source in built.items() if source is not None}

    def _section(self, name: str) -> dict[str, Any]:
        section = self.root.get(name)
        return section if isinstance(section, dict) else {}

    def _check_sections(self) -> None:
        for key in self.root:
            if key not in SECTIONS and not key.startswith("x-"):
                self._report((key,), messages.unknown_key(key, SECTIONS))
        for name in SECTIONS:
            section = self.root.get(name)
            if section is not None and not isinstance(section, dict):
                self._report((name,), ExpectedError(messages.MAPPING))
            elif not section and name != "defaults":
                self._report((name,), ExpectedError(f"at least one of the {name}", came="none"))

    def _check_defaults(self, defaults: dict[str, Any]) -> None:
        """Report what is wrong by itself; what is missing or contradictory, each source says."""
        place = ConfigLocation(self.root, ("defaults",))
        for error in self._validate(Source, "defaults", defaults, place)[1]:
            expected = messages.expectation(error, Source)
            incomplete = error["type"] == "missing" and len(error["loc"]) == 1
            contradictory = not error["loc"] or bool(
                isinstance(expected, ExpectedError) and expected.keys
            )
            if not incomplete and not contradictory:
                self._report_invalid(error, expected, place)

    def _databases_of(self, data: dict[str, Any], place: ConfigLocation) -> object:
        """Return the source's `database`, checked against the databases that there are."""
        known = list(self._section("databases"))
        readable = [printable(name) for name in known]
        there_are = f"there are: {', '.join(readable)}"
        if "database" not in data:
            if len(known) > 1:
                expected = ExpectedError("the name of a database", there_are)
                self._report(place.of(("database",)), expected)
            return known[:1] or ["none"]
        value = data["database"]
        for index, name in enumerate(value if isinstance(value, list) else [value]):
            if known and isinstance(name, str) and name not in known:
                advice = nearest(name, readable) or there_are
                path = place.of(("database", index))
                self._report(path, ExpectedError("the name of a database", advice))
        return value

    def _build(self, model: type[M], name: str, data: object, place: ConfigLocation) -> M | None:
        if not re.fullmatch(NAME, name):
            came = repr(printable(name))
            self._report(place.own, ExpectedError(f"a name ({NAME})", came=came))
        if not isinstance(data, dict):
            self._report(place.own, ExpectedError(messages.MAPPING))
            return None
        built, errors = self._validate(model, name, data, place)
        for error in errors:
            self._report_invalid(error, messages.expectation(error, model), place)
        return built

    def _validate(
        self, model: type[M], name: str, data: dict[str, Any], place: ConfigLocation
    ) -> tuple[M | None, list[ErrorDetails]]:
        if "name" in data:  # a field of the model, but in the file it is the key around
            self._report(place.of(("name",)), "unknown key; the name is the key around it")
        try:
            return model.model_validate(
                {**data, "name": name}, by_name=False, context=self.folder
            ), []
        except ValidationError as error:
            return None, error.errors(include_url=False)

    def _report_invalid(
        self, error: ErrorDetails, expected: ExpectedError | str, place: ConfigLocation
    ) -> None:
        loc = tuple(part for part in error["loc"] if part != "[key]")
        if isinstance(expected, str):
            self._report(place.of(loc), expected)
        elif expected.keys:
            both = (self._shown_with_name(key, place) for key in expected.keys)
            expected.came = expected.came or " and ".join(both)
            self._report(place.of_contradiction(expected.keys), expected)
        else:
            self._report(place.of((*loc, *expected.at)), expected)

    def _shown_with_name(self, key: str, place: ConfigLocation) -> str:
        path = place.of((key,))
        if lookup(self.root, path) is MISSING:
            default = (DatabaseSettings.model_fields | Source.model_fields)[key].default
            return f"{key} {default} (the default)" if default else f"no {key}"
        return f"{key} {messages.shown(self.document, path)}"

    def _report(self, path: KeyPath, problem: ExpectedError | str) -> None:
        if path not in self.document.rejected:
            if isinstance(problem, ExpectedError):
                problem = messages.sentence(self.document, path, problem)
            self.document.reject(path, problem)
