"""The differences of two configs, and the state that stays valid.

Each kind of state lists the keys that do not affect it; every other key of a source does, also
keys that are added to the config later.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from exporter.collection.snapshots import Pair
from exporter.config import (
    AnySource,
    Config,
    DatabaseSettings,
    HttpSettings,
    KubernetesPods,
    ListSource,
    OwnerSource,
    Source,
)
from exporter.config.fields.model import Model
from exporter.postgres import parameters_of

Memory = Literal["active", "daily", "size", "recovery", "evidence"]
"""The values of a collector; the memory of recovery or evidence of earlier runs."""

_PACE = {"databases", "database", "every", "stale_after"}
_SHOWN = {"alert_above", "objective", "show", "max_series"}
_COUNTED = {"daily", "labels", "integrity", "overlong_after", "timezone", "duration"}
_ACTIVE = {"orphaned_after", "overlong_after", "limit_per", "integrity", "owner", "list"}

#: The keys of a source that do not affect each.
UNRELATED: Mapping[Memory, Collection[str]] = {
    "active": {*_PACE, *_SHOWN, "daily", "timezone", "duration", "recovery"},
    "daily": {*_PACE, *_SHOWN, "daily", "overlong_after", "limit_per", "integrity", "recovery"},
    "size": {*_PACE, *_SHOWN, *_ACTIVE, *_COUNTED, "id", "recovery"},
    "recovery": {*_PACE, *_SHOWN, *_COUNTED, "limit_per", "recovery"},
    "evidence": {*_PACE, *_SHOWN, *_COUNTED, "limit_per", "recovery"},
}

#: The keys of `recovery` that decide which sessions it closes, and with which end.
_RULE = ("evidence", "exempt", "trust_age", "max_age", "end_at")

#: How and how often an application is requested, which does not change the answers.
_ACCESS = {"every", "timeout", "max_items", "headers", "token_file", "ca_file"}

#: The parameters of a connection string that identify the database.
_PLACE = ("host", "hostaddr", "port", "dbname", "service", "options", "target_session_attrs")

M = TypeVar("M", bound=Model)


class Differences:
    """Between the config in use and another one; of many sources, to be made in a thread."""

    def __init__(self, before: Config, after: Config) -> None:
        self._before, self._after = before, after
        self._databases = before.databases.keys() | after.databases.keys()
        names = before.databases.keys() & after.databases.keys()
        self._same = {each for each in names if before.databases[each] == after.databases[each]}
        self._alike = self._same | {
            each
            for each in names - self._same
            if _place(before.databases[each]) == _place(after.databases[each])
        }
        sources = before.all_sources, after.all_sources
        pairs = {
            name: (sources[0][name], sources[1][name])
            for name in sources[0].keys() & sources[1].keys()
        }
        self._sources = {
            name
            for name, (old, new) in pairs.items()
            if old == new and _evidence_of(before, old) == _evidence_of(after, new)
        }
        self._modes = {
            name
            for name, (old, new) in pairs.items()
            if old.recovery.mode == new.recovery.mode
            and old.recovery.is_declared == new.recovery.is_declared
        }
        self._holding = {
            memory: {
                name
                for name, (old, new) in pairs.items()
                if name in self._sources
                or _meaning(before, old, memory) == _meaning(after, new, memory)
            }
            for memory in UNRELATED
        }

    def is_same_database(self, name: str) -> bool:
        """Whether a database has all its settings in common; true of what stands for none."""
        return name in self._same or name not in self._databases

    def is_same_place(self, name: str) -> bool:
        """Whether a database is the same one, perhaps with other credentials or limits."""
        return name in self._alike or name not in self._databases

    def is_same(self, pair: Pair) -> bool:
        """Whether everything that is done about a source in a database has the same settings."""
        return pair[1] in self._sources and self.is_same_database(pair[0])

    def has_same_mode(self, source: str) -> bool:
        """Whether recovery of a source has the same mode."""
        return source in self._modes

    def holds(self, memory: Memory, pair: Pair) -> bool:
        """Whether what was found of a source in a database would still be found."""
        return pair[1] in self._holding[memory] and self.is_same_place(pair[0])

    def asks_the_same(self, name: str, database: str) -> bool:
        """Whether owners or a list have the same settings, in a database that has."""
        is_same = _asked(self._before, name) == _asked(self._after, name)
        return is_same and self.is_same_database(database)

    def answers_the_same(self, name: str, database: str) -> bool:
        """Whether what owners or a list have answered still holds."""
        before, after = (_asked(config, name) for config in (self._before, self._after))
        return _asked_meaning(before) == _asked_meaning(after) and self.is_same_place(database)


def with_equal_parts_of(before: Config, after: Config) -> Config:
    """`after`, with the objects of `before` in the place of those that are equal.

    What goes on with them would keep both alive.
    """
    return after.model_copy(
        update={
            "databases": _equal_parts(before.databases, after.databases),
            "sources": _equal_parts(before.sources, after.sources),
            "owners": _equal_parts(before.owners, after.owners),
            "lists": _equal_parts(before.lists, after.lists),
            "listed": _equal_parts(before.listed, after.listed),
        }
    )


def _equal_parts(before: Mapping[str, M], after: Mapping[str, M]) -> Mapping[str, M]:
    def of(name: str, each: M) -> M:
        known = before.get(name)
        return known if known is not None and known == each else each

    return MappingProxyType({name: of(name, each) for name, each in after.items()})


def _place(settings: DatabaseSettings) -> tuple[object, ...]:
    parameters = parameters_of(settings.dsn)
    return (*(parameters.get(each) for each in _PLACE), settings.row_security)


def _asked(config: Config, name: str | None) -> OwnerSource | ListSource | None:
    """Owners or a list, which have names of their own."""
    return None if name is None else config.owners.get(name) or config.lists.get(name)


def _evidence_of(config: Config, source: AnySource) -> list[OwnerSource | ListSource | None]:
    owners = source.owners_name if isinstance(source, Source) else None
    return [
        None if owners is None else config.owners[owners],
        None if source.list is None else config.lists[source.list],
    ]


def _meaning(config: Config, source: AnySource, memory: Memory) -> object:
    """The settings of a source that matter to a memory."""
    found = _values(source, UNRELATED[memory])
    if memory == "daily" and isinstance(source, Source) and source.daily is not None:
        found["days"] = source.daily.days
    if memory == "recovery":
        found |= {each: getattr(source.recovery, each) for each in _RULE}
    if memory not in {"daily", "size"}:
        found["asked"] = [_asked_meaning(each) for each in _evidence_of(config, source)]
    return found


def _asked_meaning(settings: OwnerSource | ListSource | None) -> object:
    return None if settings is None else _values(settings, _ACCESS)


def _values(settings: Model, unrelated: Collection[str]) -> dict[str, Any]:
    return {
        name: _values(value, _ACCESS) if isinstance(value, HttpSettings | KubernetesPods) else value
        for name in type(settings).model_fields
        if name not in unrelated
        for value in [getattr(settings, name)]
    }
