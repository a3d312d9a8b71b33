"""The path of the config file: from the command line, the environment, or two default places."""

import os
from pathlib import Path

from exporter.errors import ExporterError

VARIABLE = "SESSION_EXPORTER_CONFIG"
DEFAULT_CONFIG = Path("config.yaml")
SYSTEM_CONFIG = Path("/etc/session-exporter/config.yaml")


def find_config(given: Path | None) -> Path:
    """The file that the option names, or the variable, or the first place that has one.

    Without any it is DEFAULT_CONFIG, and require_found() says where it was looked for.
    """
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return (
        SYSTEM_CONFIG if not _exists(DEFAULT_CONFIG) and _exists(SYSTEM_CONFIG) else DEFAULT_CONFIG
    )


def new_config() -> Path:
    """The file that a new config is written to: the one that other commands find then."""
    return Path(os.environ.get(VARIABLE) or DEFAULT_CONFIG)


def require_found(path: Path) -> None:
    """Raise ExporterError where no file was named, and there is none in any place."""
    if path is DEFAULT_CONFIG and not _exists(path):
        raise ExporterError(
            f"there is no config file: looked for {DEFAULT_CONFIG} in this directory and for "
            f"{SYSTEM_CONFIG}; name one with --config.file or ${VARIABLE}, or write one with "
            "`session-exporter init`"
        )
    if str(path) == os.environ.get(VARIABLE) and not _exists(path):
        raise ExporterError(f"{path}: there is no such file, which ${VARIABLE} names")


def _exists(path: Path) -> bool:
    """Whether the file exists, even if it cannot be read: reading it reports the error."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True
