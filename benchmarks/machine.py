"""What figures depend on, in one line."""

import os
import platform


def described() -> str:
    """Cores and the language's version; no name of a host."""
    return f"{len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
