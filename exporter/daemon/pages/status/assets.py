"""The assets of the status page, served under a path that changes with their content."""

import hashlib
from importlib import resources
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_TYPES: Final = {
    "status.css": "text/css; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOLDER = resources.files(__package__) / "assets"
_BODIES = {name: (_FOLDER / name).read_bytes() for name in _TYPES}

#: Changes with every change of a file, so that a browser may keep each of them for ever.
VERSION: Final = hashlib.sha256(b"".join(_BODIES.values())).hexdigest()[:12]

#: Below the page, and without a leading slash: the page may be behind a proxy's path.
FOLDER: Final = f"assets/{VERSION}"

#: The page loads nothing from other origins, and no text in it can become a script or a style.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("connect", "img", "script", "style")),
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)


async def serve_asset(request: Request) -> Response:
    """One of the files, as long as the version in the path is this one."""
    name = request.path_params["name"]
    if request.path_params["version"] != VERSION or name not in _BODIES:
        raise HTTPException(404)
    return Response(
        _BODIES[name],
        media_type=_TYPES[name],
        headers={
            "cache-control": "public, max-age=31536000, immutable",
            "x-content-type-options": "nosniff",
            # For an image that is opened directly.
            "content-security-policy": "default-src 'none'",
        },
    )
