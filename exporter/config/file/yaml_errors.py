"""Explains why a file is not valid YAML: most often YAML has read a part of an SQL expression."""

import re
from typing import NamedTuple

import yaml
from yaml.reader import ReaderError

from exporter.config.file.document import KeyPath, dotted
from exporter.errors import Problem

_KEY = re.compile(r"(?P<indent>[ -]*)(?P<key>\w[\w.-]*)[ ]*:(?:[ ]+(?P<value>\S.*))?$")


class SqlKeys(NamedTuple):
    """The keys whose values are SQL."""

    keys: frozenset[str]
    parents: frozenset[str]
    """The keys of mappings and lists, each of whose items is SQL."""

    def include(self, path: KeyPath) -> bool:
        return bool(self.keys.intersection(path[-1:]) or self.parents.intersection(path[-2:-1]))


def explain(error: yaml.YAMLError, text: str, sql_keys: SqlKeys) -> Problem:
    """Return the problem, with the block form where the value is SQL."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(line, "", f"expected text, got the character {chr(error.character)!r}")
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Problem(0, "", "expected YAML")
    line = error.problem_mark.line
    if error.context == "expected a single document in the stream":
        return Problem(line + 1, "", "expected one YAML document, got a second one")
    context = error.context or ""
    if error.context_mark is not None and re.search("quoted|flow", context):
        line = error.context_mark.line  # where it was opened; the other mark is where it failed
    # The problem may repeat a name out of the file, and that may be a part of a password.
    problem = re.sub(r" '[^'<>]{4,}'", "", error.problem or "an error")
    return _problem_at(text.split("\n"), line, problem, sql_keys)


def block_form(key: str, expression: str) -> str:
    """Return how to write an SQL expression so that YAML does not change it."""
    lines = [line.strip() for line in expression.splitlines() if line.strip()]
    body = "".join(f"\n      {line}" for line in lines)
    return f"; write it as a block:\n    {key}: |{body}"


def _problem_at(lines: list[str], line: int, problem: str, sql_keys: SqlKeys) -> Problem:
    line = min(line, len(lines) - 1)
    starts = _enclosing_keys(lines, line)
    path: KeyPath = tuple(match["key"] for _, match in starts)
    if "databases" in path or "dsn" in lines[line]:
        return Problem(line + 1, dotted(path), "not valid YAML; put the value in quotes")
    if sql_keys.include(path):
        first, match = starts[-1]
        expression = "\n".join([match["value"] or "", *lines[first + 1 : line + 1]])
        # {column: …} is meant as YAML, and a tab is about indentation.
        if not re.match(r"\{\s*\w+\s*:", expression) and "\\t" not in problem:
            message = "YAML cannot read this SQL as it stands"
            return Problem(first + 1, dotted(path), message + block_form(str(path[-1]), expression))
    advice = "; indent with spaces" if "'\\t'" in problem else ""
    return Problem(line + 1, dotted(path), f"not valid YAML: {problem}{advice}")


def _enclosing_keys(lines: list[str], line: int) -> list[tuple[int, re.Match[str]]]:
    """Return the lines of the keys that contain a line, outermost first, by indentation."""
    own = _KEY.match(lines[line])
    limit = len(lines[line]) - len(lines[line].lstrip()) if own is None else len(lines[line])
    found: list[tuple[int, re.Match[str]]] = []
    for number in range(line, -1, -1):
        match = _KEY.match(lines[number])
        if match and len(match["indent"]) < limit:
            limit = len(match["indent"])
            found.insert(0, (number, match))
    return found
