"""Builds databases and sources from plain data; every problem is reported to the document."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config import messages
from exporter.config.database import DatabaseSettings
from exporter.config.fields.parser import ExpectedError, suggest
from exporter.config.fields.values import NAME
from exporter.config.file.document import MISSING, Document, KeyPath, lookup, printable
from exporter.config.source import Source

SECTIONS = ("databases", "defaults", "sources")
MERGED = ("daily", "recovery")  # merged key by key with the defaults; others are replaced

M = TypeVar("M", DatabaseSettings, Source)


@dataclass(frozen=True)
class ConfigLocation:
    """Where one database or source stands in the file, and where it inherits from."""

    root: dict[str, Any]
    own: KeyPath
    inherited: KeyPath | None = None

    def of(self, loc: KeyPath) -> KeyPath:
        """Return the path in the file of what a model has at `loc`."""
        depth = 2 if loc and loc[0] in MERGED else 1
        path = (*self.own, *loc)
        if self.inherited and lookup(self.root, (*self.own, *loc[:depth])) is MISSING:
            is_inherited = lookup(self.root, (*self.inherited, *loc[:depth])) is not MISSING
            path = (*self.inherited, *loc) if is_inherited else path
        # A column that is written without a mapping around it has no path inside itself.
        while not self._exists(path):
            path = path[:-1]
        return path

    def of_contradiction(self, keys: tuple[str, ...]) -> KeyPath:
        """Return the path of the first key that is written here, else of the inherited one."""
        paths = [self.of((key,)) for key in keys]
        written = [path for path in paths if lookup(self.root, path) is not MISSING]
        here = [path for path in written if path[:-1] == self.own]
        everything_inherited = len(written) == len(paths)
        return next(iter(here or (written if everything_inherited else [])), (*self.own, keys[0]))

    def _exists(self, path: KeyPath) -> bool:
        """Whether a value is there, or is missing from a mapping that is there."""
        around = lookup(self.root, path[:-1])
        return lookup(self.root, path) is not MISSING or isinstance(around, dict)


class Builder:
    """Builds the valid parts, so that one problem does not hide others."""

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

    def build_databases(self) -> dict[str, DatabaseSettings]:
        built = {}
        for name, data in self._section("databases").items():
            location = ConfigLocation(self.root, ("databases", name))
            if database := self._build(DatabaseSettings, name, data, location):
                built[name] = database
        return built

    def build_sources(self) -> dict[str, Source]:
        defaults = self._section("defaults")
        self._check_defaults(defaults)
        built = {}
        for name, data in self._section("sources").items():
            location = ConfigLocation(self.root, ("sources", name), inherited=("defaults",))
            merged = _merge(defaults, data) if isinstance(data, dict) else data
            if isinstance(merged, dict):
                merged["database"] = self._checked_databases(merged, location)
            if source := self._build(Source, name, merged, location):
                built[name] = source
        return built

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
                self._report((name,), ExpectedError(f"at least one of the {name}", got="none"))

    def _check_defaults(self, defaults: dict[str, Any]) -> None:
        """Report wrong values; missing keys and contradictions are reported for each source."""
        location = ConfigLocation(self.root, ("defaults",))
        for error in self._validate(Source, "defaults", defaults, location)[1]:
            expected = messages.find_expected(error, Source)
            incomplete = error["type"] == "missing" and len(error["loc"]) == 1
            has_keys = isinstance(expected, ExpectedError) and bool(expected.keys)
            if error["loc"] and not incomplete and not has_keys:
                self._report_invalid(error, expected, location)

    def _checked_databases(self, data: dict[str, Any], location: ConfigLocation) -> object:
        """Return the source's `database`; names that are not in the file are reported."""
        known = list(self._section("databases"))
        readable = [printable(name) for name in known]
        there_are = f"there are: {', '.join(readable)}"
        if "database" not in data:
            if len(known) > 1:
                expected = ExpectedError("the name of a database", there_are)
                self._report(location.of(("database",)), expected)
            return known[:1] or ["none"]
        value = data["database"]
        for index, name in enumerate(value if isinstance(value, list) else [value]):
            if known and isinstance(name, str) and name not in known:
                advice = suggest(name, readable) or there_are
                path = location.of(("database", index))
                self._report(path, ExpectedError("the name of a database", advice))
        return value

    def _build(self, model: type[M], name: str, data: object, location: ConfigLocation) -> M | None:
        if not re.fullmatch(NAME, name):
            got = repr(printable(name))
            self._report(location.own, ExpectedError(f"a name ({NAME})", got=got))
        if not isinstance(data, dict):
            self._report(location.own, ExpectedError(messages.MAPPING))
            return None
        built, errors = self._validate(model, name, data, location)
        for error in errors:
            self._report_invalid(error, messages.find_expected(error, model), location)
        return built

    def _validate(
        self, model: type[M], name: str, data: dict[str, Any], location: ConfigLocation
    ) -> tuple[M | None, list[ErrorDetails]]:
        if "name" in data:  # a field of the model, but in the file it is the key around it
            self._report(location.of(("name",)), "unknown key; the name is the key around it")
        named = {**data, "name": name}
        try:
            return model.model_validate(named, by_name=False, context=self.folder), []
        except ValidationError as error:
            return None, error.errors(include_url=False)

    def _report_invalid(
        self, error: ErrorDetails, expected: ExpectedError | str, location: ConfigLocation
    ) -> None:
        loc = tuple(part for part in error["loc"] if part != "[key]")
        if isinstance(expected, str):
            self._report(location.of(loc), expected)
        elif expected.keys:
            both = (self._show_with_name(key, location) for key in expected.keys)
            expected.got = expected.got or " and ".join(both)
            self._report(location.of_contradiction(expected.keys), expected)
        else:
            self._report(location.of((*loc, *expected.at)), expected)

    def _show_with_name(self, key: str, location: ConfigLocation) -> str:
        path = location.of((key,))
        if lookup(self.root, path) is MISSING:
            default = (DatabaseSettings.model_fields | Source.model_fields)[key].default
            return f"{key} {default} (the default)" if default else f"no {key}"
        return f"{key} {messages.show_value(self.document, path)}"

    def _report(self, path: KeyPath, problem: ExpectedError | str) -> None:
        if path not in self.document.rejected:
            if isinstance(problem, ExpectedError):
                problem = messages.write_sentence(self.document, path, problem)
            self.document.reject(path, problem)


def _merge(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the source's keys, and those of the defaults that it does not write itself."""
    merged = {**defaults, **own}
    for key in MERGED:
        if isinstance(defaults.get(key), dict) and isinstance(own.get(key), dict):
            merged[key] = {**defaults[key], **own[key]}
    return merged
