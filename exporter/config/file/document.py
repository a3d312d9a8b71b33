"""What a config file says: its data, where each value stands, and what is wrong with it."""

from dataclasses import dataclass, field
from typing import Any

from exporter.config.file.place import KeyPath, dotted
from exporter.errors import Problem


@dataclass
class Document:
    """A config file as plain data, before anything is known about its keys."""

    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=lambda: {(): 1})
    spelling: dict[KeyPath, str] = field(default_factory=dict)  # values as the file writes them
    problems: list[Problem] = field(default_factory=list)
    rejected: set[KeyPath] = field(default_factory=set)  # places that have their problem already

    def reject(self, path: KeyPath, message: str, line: int | None = None) -> None:
        """Report a problem at this place."""
        problem = Problem(line or self.line(path), dotted(path), message)
        self.rejected.add(path)
        if problem not in self.problems:
            self.problems.append(problem)

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest mapping around it where it is missing."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]
