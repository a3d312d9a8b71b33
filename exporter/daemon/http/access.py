"""Access to details: error messages, ids, and the columns of `show`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Protocol

#: In a request's scope: whether its answer may hold details.
SEES_DETAILS: Final = "session_exporter.sees_details"


class Details(StrEnum):
    """The requests that are answered with details."""

    AUTHENTICATED = "authenticated"
    EVERYONE = "everyone"
    NOBODY = "nobody"

    @property
    def are_kept(self) -> bool:
        """Whether ids and the columns of `show` may be in the daemon's memory at all."""
        return self is not Details.NOBODY


class Asked(Protocol):
    """A request, as Starlette has it."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """The scope of ASGI."""


def sees_details(request: Asked) -> bool:
    """Whether the answer to this request may hold details; false if undecided.

    The address of the peer is never a reason: behind a proxy, all are on loopback.
    """
    return bool(request.scope.get(SEES_DETAILS))
