"""A config file from its text, under the path `config.yaml`, and the problems in one."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from exporter.config import Config, Source, load_config
from exporter.errors import ConfigError

Load = Callable[..., Config]
Problems = Callable[..., str]

SMALLEST = """\
databases:
  app: {dsn: ""}
sources:
  chat:
    table: public.chat
    active: is_active
    started_at: started_at
    orphaned_after: 2h
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """`load(text)` -> Config"""
    monkeypatch.chdir(tmp_path)

    def load(text: str | bytes, environ: Mapping[str, str] | None = None) -> Config:
        path = Path("config.yaml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path, environ or {})

    return load


@pytest.fixture
def load_source(load: Load) -> Callable[..., Source]:
    """`load_source("every: 1m", ...)` -> the smallest possible source with these keys besides"""

    def load_source(*lines: str, environ: Mapping[str, str] | None = None) -> Source:
        keys = "".join(f"    {line}\n" for line in lines)
        return load(SMALLEST + keys, environ).sources["chat"]

    return load_source


@pytest.fixture
def problems(load: Load) -> Problems:
    """`problems(text)` -> everything that the user reads about it"""

    def problems(text: str | bytes, environ: Mapping[str, str] | None = None) -> str:
        with pytest.raises(ConfigError) as error:
            load(text, environ)
        return str(error.value)

    return problems


@pytest.fixture
def problems_of_source(problems: Problems) -> Problems:
    """`problems_of_source("every: 0s")`: the line is the ninth of the file"""

    def problems_of_source(lines: str, environ: Mapping[str, str] | None = None) -> str:
        keys = "".join(f"    {line}\n" for line in lines.split("\n"))
        return problems(SMALLEST + keys, environ)

    return problems_of_source
