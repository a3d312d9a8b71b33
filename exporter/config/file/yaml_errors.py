"""What to say about a file that is no YAML: most often YAML has eaten SQL."""

import re

import yaml
from yaml.reader import ReaderError

from exporter.config.file.place import KeyPath, dotted
from exporter.config.messages import block_form
from exporter.errors import Problem

_KEY = re.compile(r"(?P<indent>[ -]*)(?P<key>\w[\w.-]*)[ ]*:(?:[ ]+(?P<value>\S.*))?$")
_SQL_KEYS = {
    *("table", "where", "active", "started_at", "last_seen_at", "ended_at", "duration", "id"),
    *("column", "value"),
}
_SQL_PARENTS = {"integrity", "show"}


def explain(error: yaml.YAMLError, text: str) -> Problem:
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
    return _at(text.split("\n"), line, problem)


def _at(lines: list[str], line: int, problem: str) -> Problem:
    line = min(line, len(lines) - 1)
    starts = _enclosing(lines, line)
    path: KeyPath = tuple(match["key"] for _, match in starts)
    if "databases" in path or "dsn" in lines[line]:
        return Problem(line + 1, dotted(path), "not valid YAML; put the value in quotes")
    if path and (path[-1] in _SQL_KEYS or _SQL_PARENTS.intersection(path[-2:-1])):
        first, match = starts[-1]
        expression = "\n".join([match["value"] or "", *lines[first + 1 : line + 1]])
        # {column: …} is meant as YAML, and a tab is about indentation.
        if not re.match(r"\{\s*\w+\s*:", expression) and "\\t" not in problem:
            message = "YAML cannot read this SQL as it stands"
            return Problem(first + 1, dotted(path), message + block_form(str(path[-1]), expression))
    advice = "; indent with spaces" if "'\\t'" in problem else ""
    return Problem(line + 1, dotted(path), f"not valid YAML: {problem}{advice}")


def _enclosing(lines: list[str], line: int) -> list[tuple[int, re.Match[str]]]:
    """Return the lines of the keys that a line is part of, outermost first, by indentation."""
    own = _KEY.match(lines[line])
    limit = len(lines[line]) - len(lines[line].lstrip()) if own is None else len(lines[line])
    found: list[tuple[int, re.Match[str]]] = []
    for number in range(line, -1, -1):
        match = _KEY.match(lines[number])
        if match and len(match["indent"]) < limit:
            limit = len(match["indent"])
            found.insert(0, (number, match))
    return found
