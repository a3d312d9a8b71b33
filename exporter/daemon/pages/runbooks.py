"""The runbooks, so that they are at hand where nothing else can be reached."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from exporter.content import packaged

#: A command of ours at the beginning of a line.
_COMMAND = re.compile(r"^(\s*(?:\$ )?)(?=session-exporter )", re.MULTILINE)


def runbook(name: str, command_prefix: str) -> str | None:
    """The text of a runbook, with `command_prefix` before its commands; None: there is none."""
    path = packaged.RUNBOOKS / f"{name}.md"
    if re.fullmatch(r"[A-Za-z]{1,100}", name) is None or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    if not command_prefix:
        return text
    return _COMMAND.sub(lambda found: f"{found[1]}{command_prefix} ", text)


async def serve_runbook(request: Request, command_prefix: str) -> Response:
    """Answer with the runbook that the path names, as text."""
    text = runbook(request.path_params["name"], command_prefix)
    if text is None:
        raise HTTPException(404)
    return PlainTextResponse(text, headers={"x-content-type-options": "nosniff"})
