"""The PostgreSQL versions that tests run on, and the settings of their servers."""

from pathlib import Path

from exporter.demo.server.server import WheelMissingError, wheel_binaries

SYSTEM_BINARIES = Path("/usr/lib/postgresql/15/bin")

SETTINGS = {
    "timezone": "Asia/Kathmandu",  # so that nothing can rely on the server's zone being UTC
    "log_statement": "none",
    "max_connections": "100",
    "autovacuum": "off",  # statistics change when a test says so, and templates stay free to copy
    "max_wal_size": "256MB",
}


def settings_of(major: int) -> dict[str, str]:
    """The settings of a major version: those that not every version has make it quicker."""
    settings = dict(SETTINGS)
    if major >= 18:
        settings["io_method"] = "sync"  # no other process reads what is in memory anyway
    return settings


def _versions() -> dict[int, Path]:
    found = {}
    if (SYSTEM_BINARIES / "postgres").is_file():
        found[15] = SYSTEM_BINARIES
    for major in (16, 18):
        try:
            found[major] = wheel_binaries(major)
        except WheelMissingError:
            continue
    return found


VERSIONS = _versions()
