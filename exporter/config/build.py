"""Builds the settings from plain data; every problem is reported to the document."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from exporter.config import messages
from exporter.config.database import DatabaseSettings
from exporter.config.evidence import ListSource, OwnerSource
from exporter.config.fields.model import Model, keys_of, null_as
from exporter.config.fields.parser import ExpectedError, suggest
from exporter.config.fields.values import NAME
from exporter.config.file.document import MISSING, Document, KeyPath, printable
from exporter.config.listed_source import KEYS_OF_A_TABLE, ListedSource
from exporter.config.source import Source
from exporter.text import some_of

#: Mappings of the file by names of the user's choice.
NAMED_SECTIONS = ("databases", "owners", "lists", "sources")

MERGED = ("daily", "recovery")  # merged key by key with the defaults; others are replaced


class ConfigFile(Model):
    """The config file of session-exporter."""

    databases: Annotated[Mapping[str, DatabaseSettings], null_as({})] = Field(
        {}, validate_default=True, json_schema_extra={"minProperties": 1}
    )
    """The databases by name; the name becomes the label database. Required where a source has a
    table, or a list with sql."""
    owners: Annotated[Mapping[str, OwnerSource], null_as({})] = Field({}, validate_default=True)
    """The servers, workers or pods that hold sessions, by a name of your choice; the name becomes
    the label evidence."""
    lists: Annotated[Mapping[str, ListSource], null_as({})] = Field({}, validate_default=True)
    """Where the application lists its live sessions, by a name of your choice; the name becomes the
    label evidence."""
    defaults: Source | None = None
    """Any key of a source; applies to each source that does not write it itself."""
    sources: Mapping[str, Source]
    """The session tables, and the lists without a table, by name; the name becomes the label
    source. {} declares none."""


class Builder:
    """Merges the defaults into the sources, and finds where in the file each problem belongs."""

    def __init__(self, document: Document, folder: Path) -> None:
        self.document = document
        self.folder = folder
        self.listed: dict[str, ListedSource] = {}
        """The sources without a table."""

    def build(self) -> ConfigFile | None:
        """Return the settings without the defaults, which are merged; None if any are invalid."""
        data = self.document.data
        if data is None:
            self._report((), "the file is empty; docs/configuration.md begins with one")
            return None
        if not isinstance(data, dict):
            self._report((), ExpectedError("a mapping with the keys databases and sources"))
            return None
        used = {key: value for key, value in data.items() if not key.startswith("x-")}
        if isinstance(used.get("defaults"), dict):
            self._check_defaults(used.pop("defaults"))
        sources = used.get("sources")
        is_filled = isinstance(sources, dict) and sources
        needed = not is_filled or any(map(self._asks_a_database, sources or ()))
        required = {"sources", "databases"} if needed else {"sources"}
        if sources == {} and used.get("databases"):
            required = set()  # written on purpose, as by `init` where it has only questions
        for section in NAMED_SECTIONS:
            if used.get(section) in (None, {}):
                if section in required:
                    expected = ExpectedError(f"at least one of the {section}", got="none")
                    self._report((section,), expected)
            elif isinstance(used[section], dict):
                used[section] = {
                    name: self._named((section, name), each) for name, each in used[section].items()
                }
        self._build_listed(used)
        try:
            file = ConfigFile.model_validate(used, by_name=False, context=self.folder)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                self._report_invalid(each["loc"], messages.find_expected(each, ConfigFile))
            return None
        self._check_stores(file)
        return file

    def _build_listed(self, used: dict[str, Any]) -> None:
        """Take the sources without a table out of the others, and build them."""
        sources, lists = (used.get(section) or {} for section in ("sources", "lists"))
        if not isinstance(sources, dict) or not isinstance(lists, dict):
            return
        for name in [name for name in sources if self._is_listed(name)]:
            data = sources.pop(name)
            of = None
            with suppress(ValidationError):  # reported with the lists
                of = ListSource.model_validate(
                    lists.get(data["list"]), by_name=False, context=self.folder
                )
            try:
                self.listed[name] = ListedSource.model_validate(data, by_name=False, context=of)
            except ValidationError as error:
                for each in error.errors(include_url=False):
                    expected = messages.find_expected(each, ListedSource)
                    self._report_invalid(("sources", name, *each["loc"]), expected)

    def _is_listed(self, name: str) -> bool:
        """Tell whether a source has a list and no table."""
        own = self._section("sources").get(name)
        if not isinstance(own, dict) or not isinstance(own.get("list"), str):
            return False
        return KEYS_OF_A_TABLE.isdisjoint(own) and "table" not in self._section("defaults")

    def _asks_a_database(self, name: str) -> bool:
        """Tell whether a source has a table, or a list with sql."""
        if not self._is_listed(name):
            return True
        named = self._section("lists").get(self._section("sources")[name]["list"])
        return isinstance(named, dict) and "sql" in named

    def _check_stores(self, file: ConfigFile) -> None:
        """Report a source with too many series because of the stores of its list."""
        for name, source in file.sources.items():
            listed = file.lists.get(source.list or "")
            stores = 0 if listed is None else len(listed.urls)
            if source.series() + max(stores - 1, 0) > source.max_series:  # one is counted there
                advice = "use fewer stores, or raise max_series"
                got = f"{source.series() + stores - 1}, of which {stores} are of the stores"
                expected = f"at most {source.max_series} series (max_series)"
                self._report(("sources", name), ExpectedError(expected, advice, got))

    def _check_defaults(self, defaults: dict[str, Any]) -> None:
        """Report wrong values; missing keys and contradictions are reported for each source."""
        data = self._with_name(("defaults",), defaults)
        try:
            Source.model_validate(data, by_name=False, context=self.folder)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                expected = messages.find_expected(each, Source)
                is_missing = each["type"] == "missing" and len(each["loc"]) == 1
                is_contradiction = isinstance(expected, ExpectedError) and bool(expected.keys)
                if each["loc"] and not is_missing and not is_contradiction:
                    self._report_invalid(("defaults", *each["loc"]), expected)

    def _named(self, path: KeyPath, data: object) -> object:
        """Return the data of a database or source for validation, with its name and defaults."""
        section, name = path
        if not re.fullmatch(NAME, str(name)):
            got = repr(printable(str(name)))
            self._report(path, ExpectedError(f"a name ({NAME})", got=got))
        if not isinstance(data, dict):
            return data
        if section == "sources":
            defaults = self._section("defaults")
            if self._is_listed(str(name)):
                known = keys_of(ListedSource).keys() - {"database"}
                defaults = {key: value for key, value in defaults.items() if key in known}
            data = _merge(defaults, data)
            if self._asks_a_database(str(name)):
                data["database"] = self._checked_databases(path, data)
            self._check_evidence(path, data)
        elif section == "lists" and name in self._section("owners"):
            # One series of evidence_up is of each.
            self._report(path, ExpectedError("a name that none of the owners has"))
        return self._with_name(path, data)

    def _with_name(self, path: KeyPath, data: dict[str, Any]) -> dict[str, Any]:
        if "name" in data:  # a field of the model, but in the file it is the key around it
            self._report(self._find((*path, "name")), "unknown key; the name is the key around it")
        return {**data, "name": path[-1]}

    def _checked_databases(self, path: KeyPath, data: dict[str, Any]) -> object:
        """Return the source's `database`; names that are not in the file are reported."""
        known = list(self._section("databases"))
        readable = [printable(name) for name in known]
        there_are = f"there are: {some_of(readable)}"
        if "database" not in data:
            if len(known) > 1:
                expected = ExpectedError("the name of a database", there_are)
                self._report((*path, "database"), expected)
            return known[:1] or ["none"]
        value = data["database"]
        for index, name in enumerate(value if isinstance(value, list) else [value]):
            if known and isinstance(name, str) and name not in known:
                advice = suggest(name, readable) or there_are
                written = self._find((*path, "database", index))
                self._report(written, ExpectedError("the name of a database", advice))
        return value

    def _check_evidence(self, path: KeyPath, data: dict[str, Any]) -> None:
        """Report names of owners and of a list that are not in the file."""
        owner = data.get("owner")
        owners = owner.get("in") if isinstance(owner, dict) else None
        named = (("owners", ("owner", "in"), owners), ("lists", ("list",), data.get("list")))
        for section, key, name in named:
            known = [printable(each) for each in self._section(section)]
            if isinstance(name, str) and printable(name) not in known:
                there_are = f"there are: {some_of(known)}" if known else "there are none"
                advice = suggest(name, known) or there_are
                expected = ExpectedError(f"the name of one of the {section}", advice)
                self._report(self._find((*path, *key)), expected)

    def _section(self, name: str) -> dict[str, Any]:
        section = self.document.value((name,))
        return section if isinstance(section, dict) else {}

    def _report_invalid(self, loc: KeyPath, expected: ExpectedError | str) -> None:
        # Pydantic writes [key] behind a key that is wrong itself; the file may have one named so.
        if loc and loc[-1] == "[key]" and self.document.value(loc) is MISSING:
            loc = loc[:-1]
        if isinstance(expected, str):
            self._report(self._find(loc), expected)
        elif expected.keys:
            paths = [self._find((*loc[:2], key)) for key in expected.keys]
            expected.got = expected.got or " and ".join(map(self._show_with_name, paths))
            written = [path for path in paths if self.document.value(path) is not MISSING]
            here = [path for path in written if path[0] == loc[0]]
            inherited = written if len(written) == len(paths) else []
            self._report(next(iter(here or inherited), (*loc[:2], expected.keys[0])), expected)
        else:
            self._report(self._find((*loc, *expected.at)), expected)

    def _find(self, loc: KeyPath) -> KeyPath:
        """Return the path in the file for the location `loc` in the merged data."""
        value = self.document.value
        path = loc
        if loc[0] == "sources" and len(loc) > 2:
            depth = 4 if loc[2] in MERGED else 3
            inherited = ("defaults", *loc[2:])
            is_own = value(loc[:depth]) is not MISSING
            if not is_own and value(inherited[: depth - 1]) is not MISSING:
                path = inherited
        # A column that is written without a mapping around it has no path inside itself.
        while value(path) is MISSING and not isinstance(value(path[:-1]), dict):
            path = path[:-1]
        return path

    def _show_with_name(self, path: KeyPath) -> str:
        key = str(path[-1])
        if self.document.value(path) is MISSING:
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
