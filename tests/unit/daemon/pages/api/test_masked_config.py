"""/api/v1/config shows what is in use, and no secret wherever one can be written."""

import json
from pathlib import Path

import pytest

from exporter.config import load_config
from exporter.daemon.pages.api.masked_config import MASK, mask_url, masked_config

SECRET = "hunter2"

CONFIG = f"""\
databases:
  url: {{dsn: 'postgresql://app:{SECRET}@db:6543/app?sslpassword={SECRET}'}}
  words: {{dsn: 'host=db dbname=app user=app password={SECRET}', password_file: ./word}}
  name: {{dsn: "dbname='postgresql://app:{SECRET}@db/app'"}}
owners:
  servers:
    unique_per_start: true
    http:
      url: https://app:{SECRET}@app.example/servers?token={SECRET}#{SECRET}
      headers: {{X-Api-Key: {SECRET}, X-Other: {{file: ./word}}}}
      body: '{{"key": "{SECRET}"}}'
      method: POST
lists:
  live:
    started_at: at
    urls: {{a: 'https://{SECRET}@a.example/sessions?key={SECRET}'}}
    request: {{headers: {{Authorization: 'Bearer {SECRET}'}}}}
sources:
  chat:
    database: url
    table: public.chat
    active: is_open
    started_at: started
    last_seen_at: seen
    id: id
    owner: {{of: server, in: servers}}
    list: live
    orphaned_after: 90m
    show: [who]
    labels: {{level: {{value: level, values: [easy]}}}}
    recovery:
      set: {{is_open: false}}
      dsn: postgresql://closer:{SECRET}@db/app
      max_share: 25%
      webhook: {{url: 'https://hooks.example/{SECRET}', secret_file: ./word}}
  calls: {{list: live, orphaned_after: 2h}}
"""


@pytest.fixture
def config(tmp_path: Path) -> dict[str, dict[str, dict[str, object]]]:
    (tmp_path / "word").write_text(SECRET)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return masked_config(load_config(path, {}))


def test_no_secret_is_in_it(config: object) -> None:
    assert SECRET not in json.dumps(config, allow_nan=False)


def test_the_rest_is_as_the_file_writes_it(
    config: dict[str, dict[str, dict[str, object]]],
) -> None:
    databases, chat = config["databases"], config["sources"]["chat"]
    assert databases["url"]["dsn"] == {
        "host": "db", "port": "6543", "database": "app", "user": "app"
    }  # fmt: skip
    assert databases["url"]["connect_timeout"] == "5s"
    assert str(databases["words"]["password_file"]).endswith("word")
    assert chat["orphaned_after"] == "1h30m"
    assert chat["show"] == [{"name": "who", "sql": "who"}]
    assert chat["owner"] == {"of": "server", "in": "servers"}
    recovery = chat["recovery"]
    assert isinstance(recovery, dict)
    assert recovery["max_share"] == 0.25
    assert recovery["webhook"]["url"] == f"https://hooks.example/{MASK}"
    assert "of" not in config["sources"]["calls"]
    assert config["lists"]["live"]["urls"] == {"a": f"https://{MASK}@a.example/{MASK}"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://app:8080/", "http://app:8080/"),
        ("http://app:8080/servers", f"http://app:8080/{MASK}"),
        ("http://a:b@[::1]:80/x", f"http://{MASK}@[::1]:80/{MASK}"),
        ("http://a@b@c/x?y", f"http://{MASK}@c/{MASK}"),
        ("http://c?y", f"http://c/{MASK}"),
        ("http://c/#y", f"http://c/{MASK}"),
        ("http://user:123/456@c/", f"http://{MASK}"),
        ("http://user:123?456@c/", f"http://{MASK}"),
        ("http://user:123#456@c/", f"http://{MASK}"),
    ],
)
def test_a_url_is_shown_up_to_its_host(url: str, shown: str) -> None:
    assert mask_url(url) == shown
