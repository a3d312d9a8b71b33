"""A synthetic session: starts, asks for the status, responds and ends, and lists what it found.

For an application that has no page to list its sessions, only its own endpoints. Each round is one
session of the id `synthetic`, or `default` where the application knows no other. The result is a
list for each endpoint: the session, where the endpoint knew it, and nothing where it did not. As a
list source with `stores: all` the session is disagreeing as soon as one endpoint does not know it,
and orphaned when rounds no longer come to their end.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from exporter.demo.applications.roleplay_api.api import DEFAULT, ENDPOINTS, PREFIX

Finding = Mapping[str, list[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class SyntheticSession:
    """The synthetic session of one application."""

    client: httpx.AsyncClient
    id: str = "synthetic"

    async def round(self, now: float) -> Finding | None:
        """What each endpoint knew of the session.

        None where there is no result: it did not start, or `default` is in use by someone else.
        Raises httpx.HTTPError where the application does not answer.
        """
        if await self._is_active():
            if self.id == DEFAULT:
                return None
            await self._post("end")  # of a round that did not come to its end
        if not await self._post("start"):
            return None
        knew = {"start": True, "session": await self._is_active()}
        for endpoint in ("respond", "end"):
            knew[endpoint] = await self._post(endpoint)
        at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        item = {"id": self.id, "createdAt": at, "lastMessageAt": at}
        return {name: [item] if knew[name] else [] for name in ENDPOINTS}

    async def _is_active(self) -> bool:
        answer = await self.client.get(f"{PREFIX}/session", params={"id": self.id})
        answer.raise_for_status()
        return bool(answer.json()["active"])

    async def _post(self, endpoint: str) -> bool:
        """Whether the endpoint knew the session: it answers 404 if it did not."""
        answer = await self.client.post(f"{PREFIX}/{endpoint}", json={"id": self.id})
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()
        return answer.is_success


def write(finding: Finding, path: Path) -> None:
    """Write the lists of all endpoints as one JSON object, at once or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(finding, indent=2) + "\n", encoding="utf-8")
    part.replace(path)
