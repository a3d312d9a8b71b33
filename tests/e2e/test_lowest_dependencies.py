"""The lowest versions that pyproject.toml declares are enough, with each Python that is installed.

What these need themselves comes in its newest version, as with `pip install`. Without a package
index this is skipped, and in CI it fails.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.processes.package_index import run_with_index
from tests.support.processes.session_exporter import Daemon, environment, write_config

pytestmark = pytest.mark.slow  # every other test runs with the newest ones

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DEPENDENCIES: list[str] = PYPROJECT["project"]["dependencies"]


def interpreters() -> dict[str, str]:
    """Those that can make an environment: in the path, or installed beside the one that runs."""
    found = dict[str, str]()
    for name in ("python3.11", "python3.12", "python3.13"):
        siblings = sorted(Path(sys.base_prefix).parent.glob(f"*/bin/{name}"))
        for path in (shutil.which(name), *map(str, siblings)):
            if path is not None and makes_environments(path):  # and is no shim of another one
                found[name] = path
    return found or {Path(sys.executable).name: sys.executable}


def makes_environments(python: str) -> bool:
    real = Path(python).resolve()
    return (real.parents[1] / "lib" / real.name / "ensurepip").is_dir()


INTERPRETERS = interpreters()


def lowest(requirement: str) -> list[str]:
    """The lowest version of a requirement as constraints, also of what an extra brings along."""
    found = re.match(r"([\w-]+)(?:\[(\w+)\])?>=([\d.]+)", requirement)
    assert found is not None, f"{requirement} has no lower bound"
    name, extra, version = found.groups()
    return [f"{each}=={version}" for each in (name, f"{name}-{extra}" if extra else name)]


@pytest.fixture(scope="module", params=INTERPRETERS)
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter in an environment of its own, with the lowest versions."""
    folder = tmp_path_factory.mktemp("lowest")
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(each for one in DEPENDENCIES for each in lowest(one)))
    subprocess.run([INTERPRETERS[request.param], "-m", "venv", folder / "venv"], check=True)
    interpreter = folder / "venv" / "bin" / "python"
    options = ["--quiet", "--no-input", "--only-binary", ":all:", "--constraint", str(constraints)]
    run_with_index(interpreter, "-m", "pip", "install", *options, *DEPENDENCIES)
    return interpreter


def run(python: Path, folder: Path, *arguments: str | Path) -> str:
    """Run the program from these sources, and return what it prints; it has to succeed."""
    done = subprocess.run(
        [python, "-m", "exporter", *arguments],
        cwd=folder,
        env=environment(folder, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["check", "orphans", "recover", "close", "undo", "sql role"])
def test_help_is_printed(python: Path, tmp_path: Path, command: str) -> None:
    assert "Usage: " in run(python, tmp_path, *command.split(), "--help")


def test_the_config_is_checked_and_its_schema_printed(python: Path, tmp_path: Path) -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    example = tmp_path / "config.yaml"
    example.write_text(text.replace("${DATABASE_URL}", "postgresql://127.0.0.1/app"))
    run(python, tmp_path, "check", "-c", example)
    assert '"sources"' in run(python, tmp_path, "schema")
    broken = write_config(tmp_path, {"app": {"dsn": "", "statement_timeout": "5"}}, {"a": {}})
    with pytest.raises(AssertionError, match=r"statement_timeout: expected a duration"):
        run(python, tmp_path, "check", "-c", broken)


def test_a_database_is_collected_and_served(python: Path, config: Path, tmp_path: Path) -> None:
    assert "conversations  app " in run(python, tmp_path, "once", "-c", config)
    run(python, tmp_path, "orphans", "-c", config)
    environ = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with Daemon(config, folder=tmp_path, environ=environ, within=[python]) as daemon:
        page = daemon.wait_until_ready()
        assert page.succeeds("conversations")
        assert "conversations" in daemon.get("/").text
        compressed = daemon.get("/metrics", accept="application/openmetrics-text")
        assert compressed.text.endswith("# EOF\n")
