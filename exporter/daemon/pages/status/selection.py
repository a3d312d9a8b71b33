"""The sources on a page, and the number of rows of each, so that 200 sources stay readable."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.daemon.pages.overview.values import Overview, SourceOverview

#: Sources on one page; those that are left out are the best of those that match.
MOST_SOURCES = 200
#: Rows of orphans on one page, shared by its sources, of which each has so many at least.
MOST_ROWS, FEWEST_ROWS = 1000, 3
#: Characters of a filter that are looked at.
MOST_CHARACTERS = 200

#: Those that need a person.
PROBLEMS = frozenset({"above_limit", "failing", "attention"})


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """The filter of a reader: all words of `text` in the names; only problems; one source."""

    text: str = ""
    only_problems: bool = False
    source: str = ""
    database: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "SourceFilter":
        """The filter of the parameters of a URL."""
        text, source, database = (
            parameters.get(name, "")[:MOST_CHARACTERS] for name in ("q", "source", "database")
        )
        return cls(text.strip(), parameters.get("only") == "problems", source, database)

    @property
    def is_everything(self) -> bool:
        """Whether no source is filtered out."""
        return self == SourceFilter()


@dataclass(frozen=True, slots=True)
class Selected:
    """The sources that are shown, worst first, and the rows that each of them may list."""

    sources: tuple[SourceOverview, ...]
    matching: int
    rows: int

    @property
    def left_out(self) -> int:
        """How many match and are not shown."""
        return self.matching - len(self.sources)

    @property
    def is_open(self) -> bool:
        """Whether a single source was requested, whose details are opened."""
        return len(self.sources) == 1


def select(overview: Overview, selection: SourceFilter) -> Selected:
    """Choose among the sources of an overview, which are in order, worst first."""
    matching = [each for each in overview.sources if _matches(each, selection)]
    shown = tuple(matching[:MOST_SOURCES])
    rows = max(MOST_ROWS // max(len(shown), 1), FEWEST_ROWS)
    return Selected(shown, len(matching), rows)


def _matches(each: SourceOverview, selection: SourceFilter) -> bool:
    if selection.only_problems and each.standing not in PROBLEMS:
        return False
    if selection.source and each.source != selection.source:
        return False
    if selection.database and each.database != selection.database:
        return False
    names = f"{each.source} {each.database}".casefold()
    return all(word in names for word in selection.text.casefold().split())
