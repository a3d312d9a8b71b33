"""Why an HTTP connection failed, as a sentence without the address, which may hold a secret."""

import os
import ssl


def why_failed(error: BaseException) -> str:
    """The message of the innermost error: httpx, httpcore and anyio each wrap it once."""
    while (cause := _cause(error)) is not None:
        error = cause
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'the connection ended'}"
    if isinstance(error, OSError) and error.errno is not None:
        # asyncio's own text for a refused connection is about the address, not about the cause.
        reason = os.strerror(error.errno) if error.errno > 0 else error.strerror
        return f"the connection failed: {reason}"
    return f"the connection failed: {type(error).__name__}"


def _cause(error: BaseException) -> BaseException | None:
    """The cause of an error; of several addresses that were tried, the last one's."""
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[-1]
    return error.__cause__ or error.__context__
