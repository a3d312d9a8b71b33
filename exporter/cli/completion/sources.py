"""The names of the sources in a config file, also in one that is being written and is not valid."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

#: Of a config file; nothing is read of a longer one.
MOST_BYTES = 2 * 1024 * 1024

#: As in a config file. libyaml takes a minute to read 100,000.
MOST_LEVELS = 50

#: What a shell takes as a word without quotes, and what a source can be named.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}")

_BEGINS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_NODES = (*_BEGINS, yaml.ScalarEvent, yaml.AliasEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def source_names(path: Path) -> list[str]:
    """The names in order, as far as the file can be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait
            return []
        text = path.read_bytes()[: MOST_BYTES + 1]
    except (OSError, ValueError):
        return []
    names = dict[str, None]()
    if len(text) <= MOST_BYTES:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            for name in _names(yaml.parse(text, Loader=loader)):
                names[name] = None
        except (yaml.YAMLError, ValueError):
            pass  # what stands before the error
    return list(names)


def _names(events: Iterator[Any]) -> Iterator[str]:
    """The keys of the mapping `sources`, from events, so that nothing recurses."""
    levels = list[bool]()
    """Of each open collection, whether it is a mapping."""
    key, is_key = "", True
    for event in events:
        if isinstance(event, _ENDS):
            levels.pop()
            is_key = True  # what has ended was a value, or is too deep to matter
            continue
        if isinstance(event, _NODES) and len(levels) in {1, 2} and all(levels):
            text = event.value if isinstance(event, yaml.ScalarEvent) else ""
            if is_key and len(levels) == 1:
                key = text
            elif is_key and key == "sources" and _NAME.fullmatch(text):
                yield text
            is_key = not is_key
        if isinstance(event, _BEGINS):
            levels.append(isinstance(event, yaml.MappingStartEvent))
            if len(levels) > MOST_LEVELS:
                return
            is_key = True
