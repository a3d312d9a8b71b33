"""Options of the web server that cannot be followed end `run` with a sentence before it serves."""

from pathlib import Path

import pytest

from tests.support.network.secured import unreachable
from tests.support.processes.session_exporter import run

pytestmark = pytest.mark.slow  # each starts the program

WRONG = {
    "no file": (["--web.config.file=none.yml"], 1, "none.yml: there is no such file; docs/web.md"),
    "a folder": (["--web.config.file=."], 1, ".: expected a file, got a directory"),
    "two problems": (["--web.config.file=web.yml"], 1, "web.yml:2: http: unknown key"),
    "no URL": (["--web.external-url=a"], 2, "--web.external-url: expected a URL such as https://"),
    "no path": (["--web.route-prefix=/a b"], 2, "--web.route-prefix: expected a path such as /"),
    "details": (["--web.details=all"], 2, "'all' is not one of 'authenticated', 'everyone'"),
}


@pytest.mark.parametrize(("options", "code", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_a_sentence(
    tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: a}\nhttp: {}\n")
    done = run("run", "-c", unreachable(tmp_path), *options, folder=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""


def test_all_problems_of_the_file_are_said(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: a}\nhttp: {}\n")
    done = run("run", "-c", unreachable(tmp_path), "--web.config.file=web.yml", folder=tmp_path)
    assert len(done.stderr.splitlines()) == 2
