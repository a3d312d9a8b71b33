"""docs/web.md has every key and option, and its examples work."""

import re
import subprocess
from pathlib import Path

import pytest
import typer.main
import yaml

from exporter.cli.app import app
from exporter.config.fields.model import keys_of
from exporter.daemon.http.connections import REASONS
from exporter.daemon.http.passwords import Passwords
from exporter.daemon.http.security_headers import HEADERS
from exporter.daemon.http.web_file.load import load_web_config
from exporter.daemon.http.web_file.settings import (
    HEADERS as SETTABLE,
)
from exporter.daemon.http.web_file.settings import (
    HttpServerSettings,
    TlsSettings,
    WebSettings,
)
from tests.support.documents import blocks
from tests.support.monitoring.programs import program
from tests.support.network.secured import basic

pytestmark = pytest.mark.slow  # it imports all commands, checks a password and starts promtool

FOLDER = Path(__file__).parents[3] / "docs"
TEXT = (FOLDER / "web.md").read_text(encoding="utf-8")
YAML = blocks(TEXT, "yaml")
FILES = [each for each in YAML if "tls_server_config" in each]
PROMETHEUS = [each for each in YAML if "scrape_configs" in each]


def test_every_key_is_documented() -> None:
    keys = [*keys_of(TlsSettings), *keys_of(HttpServerSettings), *keys_of(WebSettings)]
    assert [key for key in keys if f"`{key}" not in TEXT and f".{key}`" not in TEXT] == []
    assert [name for name in SETTABLE if f"`{name}`" not in TEXT] == []


def test_every_option_of_the_web_server_is_documented() -> None:
    options = {
        option
        for parameter in typer.main.get_command(app).commands["run"].params  # type: ignore[attr-defined] # a group
        for option in parameter.opts
        if option.startswith("--web.")
    }
    assert options >= {"--web.config.file", "--web.details"}
    assert [each for each in options if f"`{each}" not in TEXT] == []


def test_every_header_that_is_sent_is_documented() -> None:
    lower = TEXT.lower()
    assert [name for name in HEADERS if f"`{name.decode()}" not in lower] == []


def test_every_reason_of_a_refusal_is_documented() -> None:
    metrics = (FOLDER / "metrics.md").read_text(encoding="utf-8")
    refusals = metrics.partition("| `reason` of a refusal |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", refusals, re.MULTILINE) == list(REASONS)


@pytest.mark.parametrize("number", range(len(FILES)))
def test_each_example_of_the_file_is_valid(tmp_path: Path, number: int) -> None:
    (tmp_path / "web.yml").write_text(FILES[number], encoding="utf-8")
    assert load_web_config(tmp_path / "web.yml").warnings == ()


async def test_the_password_of_the_example_is_the_one_that_it_names() -> None:
    users = yaml.safe_load(FILES[0])["basic_auth_users"]
    given = [basic("prometheus", "example").encode()]
    assert await Passwords().are_right(users, given, "client")


def test_prometheus_accepts_each_example_of_its_config(tmp_path: Path) -> None:
    assert len(PROMETHEUS) == 2
    for each in PROMETHEUS:
        (tmp_path / "prometheus.yml").write_text(each, encoding="utf-8")
        check = ("check", "config", "--syntax-only", tmp_path / "prometheus.yml")
        done = subprocess.run([program("promtool"), *check], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
