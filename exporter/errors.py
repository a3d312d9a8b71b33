"""One class per cause. `cli.py` turns each into a sentence on stderr and an exit code."""

from dataclasses import dataclass


class ExporterError(Exception):
    """Something the user can do something about; its text is the sentence they read."""

    exit_code = 1


class UsageError(ExporterError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with the config file, and where."""

    line: int
    key: str
    message: str


class ConfigError(ExporterError):
    """The config file cannot be used. Holds every problem that was found, not only the first."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        lines = []
        for problem in self.problems:
            place = f"{self.path}:{problem.line}" if problem.line else self.path
            lines.append(": ".join(filter(None, (place, problem.key, problem.message))))
        return lines
