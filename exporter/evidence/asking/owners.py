"""Requests the owners that live: an application's endpoint, or pods of a Kubernetes namespace."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exporter.clock import Clock
from exporter.config.evidence import HttpSettings, KubernetesPods, OwnerSource, OwnersOverHttp
from exporter.evidence.answers import MOST_OWNERS, OwnersAnswer, Unknown
from exporter.evidence.asking.failure import AskingError, late
from exporter.evidence.asking.items import id_of, is_true, items_of, path
from exporter.evidence.asking.pages import ask_all
from exporter.evidence.asking.request import HttpClient

#: Pods on one page.
_PAGE = 500

#: Phases in which a pod has ended. In every other phase its containers may run: also when the node
#: is lost (Unknown), and while the pod is being deleted.
_ENDED = {"Succeeded", "Failed"}


class OwnersClient:
    """Asks one owner source over HTTP."""

    def __init__(self, settings: OwnerSource, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._client = HttpClient(_request(settings), concurrency=1)

    async def ask(self) -> OwnersAnswer | Unknown:
        """Ask once. Never raises: without a usable answer it returns Unknown."""
        at, settings = self._clock.monotonic(), self.settings
        alive, ended = set[str](), set[str]()
        try:
            async with asyncio.timeout(settings.timeout):
                await self._client.prepare()
                if settings.kubernetes is not None:
                    await self._ask_kubernetes(settings.kubernetes, alive, ended)
                elif settings.http is not None:
                    await self._ask_endpoint(settings.http, alive)
        except TimeoutError:
            return late(settings.timeout)
        except AskingError as error:
            return error.unknown
        return OwnersAnswer(frozenset(alive), at, frozenset(ended))

    async def close(self) -> None:
        await self._client.close()

    async def _ask_endpoint(self, settings: OwnersOverHttp, alive: set[str]) -> None:
        items, id_path = path(settings.items), path(settings.id)
        lives = None if settings.filter is None else path(settings.filter)

        def take(page: Any) -> None:  # noqa: ANN401 - JSON
            for item in items_of(items(page)):
                if lives is None or is_true(lives(item)):
                    _add(alive, id_of(id_path(item)))

        following = None if settings.next_page is None else path(settings.next_page)
        await ask_all(self._client, settings.url, following, take)

    async def _ask_kubernetes(
        self, settings: KubernetesPods, alive: set[str], ended: set[str]
    ) -> None:
        """The list page by page; without resourceVersion it is the newest state."""

        def take(page: Any) -> None:  # noqa: ANN401 - JSON
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise AskingError("shape", "expected a list of pods; is url that of an API server?")
            for pod in page["items"]:
                owner, is_over = _pod(pod, settings)
                if owner is not None:
                    _add(ended if is_over else alive, owner)

        def following(page: Any) -> Any:  # noqa: ANN401 - JSON
            token = path("metadata.continue")(page)
            return f"continue={quote(token, safe='')}" if isinstance(token, str) and token else None

        selector = quote(settings.selector, safe="")
        url = (
            f"{settings.url.rstrip('/')}/api/v1/namespaces/{settings.namespace}/pods"
            f"?labelSelector={selector}&limit={_PAGE}"
        )
        try:
            await ask_all(self._client, url, following, take)
        except AskingError as error:
            if error.unknown.reason == "permission":
                raise AskingError(
                    "permission",
                    f"{error.unknown.message}; the service account needs a Role with list on pods "
                    f"of namespace {settings.namespace}",
                ) from None
            raise


def _request(settings: OwnerSource) -> HttpSettings:
    """The settings of a request to the endpoint, or to the API server."""
    if settings.kubernetes is None:
        return settings.http or HttpSettings()
    files = {
        "token_file": Path(settings.kubernetes.token_file),
        "ca_file": Path(settings.kubernetes.ca_file),
    }
    return HttpSettings().model_copy(update=files)


def _pod(pod: Any, settings: KubernetesPods) -> tuple[str | None, bool]:  # noqa: ANN401 - JSON
    """The owner id of a pod, and whether the pod has ended; None: it holds no sessions yet.

    Raises AskingError.
    """
    uid, namespace, phase = (
        path(each)(pod) for each in ("metadata.uid", "metadata.namespace", "status.phase")
    )
    if not isinstance(uid, str) or not uid or not isinstance(phase, str):
        raise AskingError("shape", "a pod without a uid or a phase")
    if namespace != settings.namespace:
        raise AskingError("shape", f"a pod of another namespace than {settings.namespace}")
    if settings.container is None:
        return uid, phase in _ENDED
    statuses = path("status.containerStatuses")(pod)
    counts = [
        each.get("restartCount")
        for each in (statuses if isinstance(statuses, list) else [])
        if isinstance(each, dict) and each.get("name") == settings.container
    ]
    if len(counts) == 1 and isinstance(counts[0], int) and not isinstance(counts[0], bool):
        return f"{uid}/{counts[0]}", phase in _ENDED
    if phase in {"Pending", *_ENDED}:
        return None, False
    name = path("metadata.name")(pod)
    raise AskingError(
        "shape",
        f"pod {str(name)[:63]} has no container {settings.container}; is that its name?",
    )


def _add(owners: set[str], owner: str) -> None:
    if owner in owners:
        raise AskingError("shape", "the answer has the same id twice")
    if len(owners) == MOST_OWNERS:
        raise AskingError("size", f"the answer has more than {MOST_OWNERS} owners")
    owners.add(owner)
