"""The details of a source, for authenticated readers: ids, columns, owners, error messages.

Times are Unix time, lengths of time seconds; None is unknown. Texts come from rows and are
untrusted; the query truncates them to 200 characters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.daemon.pages.overview.commands import ShownCommand
from exporter.sessions.orphan_list import IdText


@dataclass(frozen=True, slots=True)
class OrphanDetail:
    """One orphan. Ages are as of the last collection, by the database's clock."""

    id: IdText
    """A text, a text for each column of the id, or None where the source declares none."""
    last_seen_at: float
    silence: float
    age: float | None
    orphaned_after: float | None
    cause: str
    owner: str | None
    show: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class InconsistentDetail:
    """One row that contradicts itself."""

    id: IdText
    kinds: tuple[str, ...]
    started_at: float | None
    last_seen_at: float | None
    ended_at: float | None
    show: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run of recovery, and the command that undoes it; None: nothing is left to undo."""

    run: str
    at: float
    trigger: str
    role: str | None
    sessions: int
    undone: int
    reason: str | None
    undo_reason: str | None
    undo: ShownCommand | None


@dataclass(frozen=True, slots=True)
class OwnerDetail:
    """An owner known to be dead, and how many active sessions it holds; None is unknown."""

    owner: str
    active: int | None


@dataclass(frozen=True, slots=True)
class SourceDetails:
    """The details of one source, each from its last collection."""

    orphans: tuple[OrphanDetail, ...]
    """At most 100, longest silent first."""
    orphans_read_at: float | None
    """When they were read; None: there are none, or they are not kept."""
    orphans_failure: str | None
    """Why they could not be listed, as a sentence; the counts may be fine."""
    orphans_are_cut: bool
    """Whether there are more than are listed."""
    inconsistent: tuple[InconsistentDetail, ...]
    inconsistent_failure: str | None
    inconsistent_are_cut: bool
    runs: tuple[RunDetail, ...]
    """The newest first; empty where recovery is not declared, or the role cannot read the audit."""
    dead_owners: tuple[OwnerDetail, ...]
