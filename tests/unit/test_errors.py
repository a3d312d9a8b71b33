"""The tree of errors at the top of errors.py is that of the classes."""

import re
from collections.abc import Iterator

from exporter import errors

#: What the tree says of these is no reason of theirs.
WITHOUT_REASON = {"ExporterError", "UsageError", "ConfigError", "NotDelivered", "SourceError"}


def classes(parent: type[Exception], depth: int = 0) -> Iterator[tuple[int, str, str]]:
    """Depth, name and reason of an error and of those below it; the demo has errors of its own."""
    yield depth, parent.__name__, getattr(parent, "reason", "")
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from classes(child, depth + 1)


def test_the_tree_of_errors_names_every_class_in_its_place_with_its_reason() -> None:
    drawn = re.findall(r"^ {4}( *)(\w+) +(.+)$", errors.__doc__ or "", re.MULTILINE)
    tree = {
        (len(indent) // 2, name, "" if name in WITHOUT_REASON else reason)
        for indent, name, reason in drawn
    }
    expected = {
        (depth, name, "" if name in WITHOUT_REASON else reason)
        for depth, name, reason in classes(errors.ExporterError)
    }
    of_before = {(3, "BackingOff", "the reason of the attempt before")}
    assert tree - of_before == expected - {(3, "BackingOff", "connect")}
