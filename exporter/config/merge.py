"""`defaults` and a source put together, and where in the file each part of the result stands."""

from dataclasses import dataclass
from typing import Any

from exporter.config.file.place import MISSING, KeyPath, lookup

MERGED = ("daily", "recovery")  # put together key by key; others are replaced as a whole


def merge(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the source's keys, and those of the defaults that it does not write itself."""
    merged = {**defaults, **own}
    for key in MERGED:
        inherited, written = defaults.get(key), own.get(key)
        if isinstance(inherited, dict) and isinstance(written, dict):
            merged[key] = {**inherited, **written}
    return merged


@dataclass(frozen=True)
class ConfigLocation:
    """Where one database or source stands in the file, and where it inherits from."""

    root: dict[str, Any]
    own: KeyPath
    inherited: KeyPath | None = None

    def of(self, loc: KeyPath) -> KeyPath:
        """Return where the file has what a model has at loc."""
        depth = 2 if loc and loc[0] in MERGED else 1
        is_inherited = (
            self.inherited is not None
            and lookup(self.root, (*self.own, *loc[:depth])) is MISSING
            and lookup(self.root, (*self.inherited, *loc[:depth])) is not MISSING
        )
        path = (*(self.inherited if self.inherited and is_inherited else self.own), *loc)
        # A column that is written without a mapping around it has no place inside itself.
        while not self._is_place(path):
            path = path[:-1]
        return path

    def of_contradiction(self, keys: tuple[str, ...]) -> KeyPath:
        """Return the key to blame: the first that is written here, else the inherited one."""
        places = [self.of((key,)) for key in keys]
        written = [path for path in places if lookup(self.root, path) is not MISSING]
        here = [path for path in written if path[:-1] == self.own]
        everything_inherited = len(written) == len(places)
        return next(iter(here or (written if everything_inherited else [])), (*self.own, keys[0]))

    def _is_place(self, path: KeyPath) -> bool:
        """Whether something is there, or is missing from a mapping that is there."""
        around = lookup(self.root, path[:-1])
        return lookup(self.root, path) is not MISSING or isinstance(around, dict)
