"""Composes YAML text into nodes: by libyaml, which is many times faster, or by PyYAML's own parser.

The two differ in what they accept and in all of their messages. PyYAML's own decides: libyaml reads
only what both read alike, and whatever it objects to is read again.
"""

import contextlib
import re
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

MAX_NODES = 100_000  # a thousand sources with every key written out have half as many
MAX_DEPTH = 50

# What the two read differently: tabs between tokens, line breaks and byte order marks that few
# editors write, `?` inside brackets, tags (but `!= ` is SQL), and a comment that touches the head
# of a block.
_READ_DIFFERENTLY = re.compile(r"[\t\x85\u2028\u2029\ufeff?]|!(?!= )|[|>][-+0-9]*#")

# A comment up to a quote, or a part of a text in quotes or of a block: both read it alike.
_COMMENT = re.compile(r"(?<![^ \r\n])#[^\r\n\x85\u2028\u2029'\"]*")


class TooLargeError(Exception):
    """The document has more nodes, or nests deeper, than any real config file."""


def compose(text: str) -> yaml.Node | None:
    """Return the root of the only document; raises yaml.YAMLError or TooLargeError."""
    # Without a line break at its end, libyaml counts one line more than there is.
    if yaml.__with_libyaml__ and text.endswith("\n") and _is_read_alike(text):
        with contextlib.suppress(yaml.YAMLError, TooLargeError):
            return _compose(yaml.CSafeLoader(text))
    return _compose(yaml.SafeLoader(text))


def _is_read_alike(text: str) -> bool:
    return _READ_DIFFERENTLY.search(_COMMENT.sub("", text)) is None


def _compose(parser: yaml.SafeLoader | yaml.CSafeLoader) -> yaml.Node | None:
    try:
        return _LimitedComposer(parser).get_single_node()
    finally:
        parser.dispose()


class _LimitedComposer(Composer, Resolver):
    """PyYAML's composer with limits on nodes and depth: it recurses for each level."""

    def __init__(self, parser: Any) -> None:  # noqa: ANN401 - either parser; both yield events
        Composer.__init__(self)
        Resolver.__init__(self)
        self.check_event = parser.check_event
        self.peek_event = parser.peek_event
        self.get_event = parser.get_event
        self.nodes = 0
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH:
            raise TooLargeError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node
