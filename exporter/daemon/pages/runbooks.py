"""The runbooks, available even where nothing else can be reached."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from exporter.config.fields.values import NAME
from exporter.content import packaged
from exporter.content.commands import prefix_in_runbook

#: The placeholder in a runbook for the label `source` of the alert.
_SOURCE = re.compile(r"\bSOURCE\b")


def runbook(name: str, command_prefix: str, source: str | None = None) -> str | None:
    """The text of a runbook; None: there is none.

    `command_prefix` comes before its commands, and `source` into them if it can be the name of one.
    """
    path = packaged.RUNBOOKS / f"{name}.md"
    if re.fullmatch(r"[A-Za-z]{1,100}", name) is None or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    if source is not None and re.fullmatch(NAME, source):
        text = _SOURCE.sub(source, text)
    return prefix_in_runbook(text, command_prefix)


async def serve_runbook(request: Request, command_prefix: str) -> Response:
    """Answer with the runbook that the path names, as text, about the source of the query."""
    text = runbook(request.path_params["name"], command_prefix, request.query_params.get("source"))
    if text is None:
        raise HTTPException(404)
    return PlainTextResponse(text, headers={"x-content-type-options": "nosniff"})
