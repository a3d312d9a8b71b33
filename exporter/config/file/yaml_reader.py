"""Reads YAML text into plain data, with the line and the spelling of each value.

PyYAML alone keeps the last of two equal keys, forgets lines, and expands aliases without bound;
so only its nodes are used, and read here.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial

import yaml
from yaml.constructor import SafeConstructor

from exporter.config.file.document import Document, KeyPath, Text, printable, substitute
from exporter.config.file.yaml_composer import MAX_DEPTH, MAX_NODES, TooLargeError, compose

MAX_SPELLING = 300  # characters; only messages use it

_TAG = "tag:yaml.org,2002:"
_OTHER_TAGS = {f"{_TAG}{kind}" for kind in ("bool", "float", "int", "null", "timestamp")}
# "value" is a lone `=`, and "merge" a `<<` that stands where a value stands.
_TEXT_TAGS = {_TAG + "str", _TAG + "value", _TAG + "merge"}
_TAG_MESSAGE = "expected a plain value, got a YAML tag; put text that begins with ! in quotes"


def parse(text: str, environ: Mapping[str, str] | None) -> Document:
    """Read one YAML document; raises yaml.YAMLError or TooLargeError.

    Without an environment, references to its variables are text like any other.
    """
    node = compose(text)
    reader = _Reader(text, environ)
    if node is not None:
        reader.document.data = reader.read(node, ())
    return reader.document


class _RejectedError(Exception):
    """A node cannot be read; the text is the problem's message."""


class _Reader:
    """Turns nodes into dicts, lists and scalars, and records where each came from."""

    def __init__(self, text: str, environ: Mapping[str, str] | None) -> None:
        self.text = f"{text}\n"
        self.environ = environ
        self.document = Document()
        self.nodes = 0
        self.around: list[yaml.Node] = []  # the current node, and those that contain it

    def read(self, node: yaml.Node, path: KeyPath) -> object:
        self._count()
        self.document.spelling[path] = self._spelling(node)
        self.around.append(node)
        try:
            return self._value(node, path)
        except _RejectedError as rejected:
            self.document.reject(path, str(rejected))
            return None
        finally:
            self.around.pop()

    def _value(self, node: yaml.Node, path: KeyPath) -> object:
        match node:
            case yaml.ScalarNode():
                return self._scalar(node, path)
            case _ if node in self.around[:-1]:
                raise _RejectedError("this alias contains itself; write the value out")
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._mapping(node, path)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return self._sequence(node, path)
        raise _RejectedError(_TAG_MESSAGE)

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[object]:
        for index, item in enumerate(node.value):
            self.document.lines[*path, index] = item.start_mark.line + 1
        return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        mapping: dict[str, object] = {}
        lines = self.document.lines
        for key_node, value_node in node.value:
            key, line = self._key(key_node, path), key_node.start_mark.line + 1
            if (*path, key) in lines:
                message = f"already given on line {lines[*path, key]}; keep one of the two"
                self.document.reject((*path, key), message, line)
                continue
            lines[*path, key] = line
            if not _is_merge(key_node):
                mapping[key] = self.read(value_node, (*path, key))
        for key_node, value_node in self._merged(node, path):
            key = self._key(key_node, path)
            if key not in mapping:
                lines[*path, key] = key_node.start_mark.line + 1
                mapping[key] = self.read(value_node, (*path, key))
        return mapping

    def _merged(
        self, node: yaml.MappingNode, path: KeyPath
    ) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield the pairs that `<<` adds; the first of equal keys counts: nested ones come last."""
        for key_node, value_node in filter(lambda pair: _is_merge(pair[0]), node.value):
            listed = isinstance(value_node, yaml.SequenceNode)
            for merged in value_node.value if listed else [value_node]:
                self._count()
                if not isinstance(merged, yaml.MappingNode) or merged in self.around:
                    message = "expected an alias of another mapping, or a list of such"
                    self.document.reject((*path, "<<"), message, key_node.start_mark.line + 1)
                    continue
                for pair in merged.value:
                    self._count()
                    if not _is_merge(pair[0]):
                        yield pair
                self.around.append(merged)
                yield from self._merged(merged, path)
                self.around.pop()

    def _key(self, node: yaml.Node, path: KeyPath) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag in _TEXT_TAGS:
            return str(node.value)
        spelling = self._spelling(node)
        message = f"expected text as a key, got {printable(spelling)}; put it in quotes"
        self.document.reject((*path, spelling), message, node.start_mark.line + 1)
        return spelling

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        # 010, 0x10, 1_000 and 1:30 are numbers to YAML 1.1, and rarely meant as such.
        odd_number = node.tag == _TAG + "int" and not re.fullmatch(
            r"-?(0|[1-9]\d{0,17})", node.value
        )
        if node.tag in _TEXT_TAGS or odd_number:
            return self._text(node, path)
        if node.tag not in _OTHER_TAGS:
            raise _RejectedError(_TAG_MESSAGE)
        try:
            return SafeConstructor.yaml_constructors[node.tag](SafeConstructor(), node)
        # PyYAML's patterns match more than Python accepts: 2024-02-30, `!!int ""`.
        except (ValueError, KeyError, IndexError, AttributeError, OverflowError):
            kind = node.tag.removeprefix(_TAG)
            message = f"YAML reads this as a {kind}, and it is not a valid one; put it in quotes"
            raise _RejectedError(message) from None

    def _text(self, node: yaml.ScalarNode, path: KeyPath) -> Text:
        try:
            node.value.encode()
        except UnicodeEncodeError:
            raise _RejectedError("expected text that can be written in UTF-8") from None
        comment = ""
        if not node.style:  # not in quotes or a block, so that a comment can cut it off
            end_of_line = self.text.index("\n", node.end_mark.index)
            rest = self.text[node.end_mark.index : end_of_line].strip()
            comment = rest[1:] if rest.startswith("#") else ""
        text = Text(node.value, comment)
        # A key that begins with x- is ignored; where an alias uses its value, that is filled.
        is_ignored = bool(path) and str(path[0]).startswith("x-")
        if "${" not in text or is_ignored or self.environ is None:
            return text
        return substitute(text, self.environ, partial(self.document.reject, path))

    def _spelling(self, node: yaml.Node) -> str:
        start, end = node.start_mark.index, node.end_mark.index
        return self.text[start : min(end, start + MAX_SPELLING)].strip()

    def _count(self) -> None:
        # Aliases make a large tree of a small graph, in number and in depth.
        self.nodes += 1
        if self.nodes > MAX_NODES or len(self.around) > MAX_DEPTH:
            raise TooLargeError


def _is_merge(node: yaml.Node) -> bool:
    return bool(node.tag == _TAG + "merge")
