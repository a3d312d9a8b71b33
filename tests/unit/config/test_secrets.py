"""No message and no repr ever shows a password."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.config import Config, DatabaseSettings, load_config
from exporter.errors import ConfigError

URL = "postgresql://app:hunter2@db/app"
ENVIRON = {"URL": URL, "PASSWORD": "hunter2"}
SOURCES = "sources: {a: {table: t, active: a, started_at: b, orphaned_after: 2h}}\n"

FILES = {
    "a problem beside it": f"databases: {{app: {{dsn: '{URL}', max_connections: 0}}}}\n",
    "a value of another type": f"databases: {{app: {{dsn: ['{URL}']}}}}\n",
    "a mapping": f"databases: {{app: {{dsn: {{{URL}: 1}}}}}}\n",
    "a misspelt key": f"databases: {{app: {{dns: '{URL}'}}}}\n",
    "another key": f"databases: {{app: {{dsn: '', password: hunter2, lock_timeout: '{URL}'}}}}\n",
    "no key": f"databases: {{app: '{URL}'}}\n",
    "no key and no scheme": "databases: {app: host=db password=hunter2}\n",
    "no key, no scheme and no word that tells": "databases: {app: hunter2}\n",
    "no name": f"databases: '{URL}'\n",
    "a list": f"databases: ['{URL}']\n",
    "the key itself": f"databases: {{app: {{'{URL}': x}}}}\n",
    "the name itself": f"databases: {{'{URL}': x}}\n",
    "a password file": f"databases: {{app: {{dsn: '', password_file: '{URL}'}}}}\n",
    "a variable": "databases: {app: {dsn: '${URL}', foo: 1}}\n",
    "variables in the wrong keys": "databases: {app: {dsn: '', row_security: '${PASSWORD}', "
    "connect_timeout: '${PASSWORD}', password_file: '${PASSWORD}'}}\n",
    "a default": f"databases: {{app: {{dsn: '${{MISSING:-{URL}}}', foo: 1}}}}\n",
    "a malformed variable": "databases: {app: {dsn: 'postgresql://app:${hunter2@db/app'}}\n",
    "a NUL character": 'databases: {app: {dsn: "hunter2\\0"}}\n',
    "half a character": 'databases: {app: {dsn: "hunter2\\ud800"}}\n',
    "an alias": "databases: {app: {dsn: *hunter2}}\n",
    "an alias on a line of its own": "databases:\n  app:\n    dsn:\n      *hunter2\n",
    "an alias beside its parents": "databases:\napp:\ndsn: *hunter2\n",
    "a tag": "databases: {app: {dsn: !hunter2 x}}\n",
    "a quote that never ends": 'databases:\n  app:\n    dsn: "hunter2\n',
    "an unknown escape": 'databases:\n  app:\n    dsn: "\\hunter2"\n',
    "a duplicate": f"databases: {{app: {{dsn: '{URL}', dsn: '{URL}'}}}}\n",
    "a misspelt section": f"databses: {{app: {{dsn: '{URL}'}}}}\n",
    "a dsn in a source": (
        "databases: {app: {dsn: ''}}\nsources: {a: {dsn: '${URL}', table: '${URL}'}}\n"
    ),
    "a source that is a dsn": f"databases: {{app: {{dsn: ''}}}}\nsources: {{a: '{URL}'}}\n",
    "an alias in a mapping over several lines": "databases: {app:\n  {dsn:\n*hunter2}}\n",
    "the name of a database that a source does not find": (
        f"databases: {{'{URL}': {{dsn: ''}}, b: {{dsn: ''}}}}\nsources: {{a: {{database: x}}}}"
    ),
    "a URL without its scheme": (
        "databases: {app: {dsn: ''}}\nlists: {a: {urls: {b: 'db.example/hooks/hunter2'}}}\n"
    ),
    "a URL of another scheme": (
        "databases: {app: {dsn: ''}}\nowners: {a: {unique_per_start: true, "
        "http: {url: 'ftp:/app:hunter2@db'}}}\n"
    ),
    "a URL that is the whole mapping": (
        "databases: {app: {dsn: ''}}\n"
        "owners: {a: {unique_per_start: true, http: 'db.example/?token=hunter2'}}\n"
    ),
    "a list of URLs": "databases: {app: {dsn: ''}}\nlists: {a: {urls: ['db.example/hunter2']}}\n",
    "a URL without a name": "databases: {app: {dsn: ''}}\nlists: {a: {urls: db.example/hunter2}}\n",
    "a header of several lines": (
        "databases: {app: {dsn: ''}}\n"
        'lists: {a: {urls: {b: "http://c"}, request: {headers: {X-Key: "hunter2\\n2"}}}}\n'
    ),
    "a header that is no text": (
        "databases: {app: {dsn: ''}}\n"
        "lists: {a: {urls: {b: 'http://c'}, request: {headers: {X-Key: [hunter2]}}}}\n"
    ),
    "headers that are a text": (
        "databases: {app: {dsn: ''}}\n"
        "lists: {a: {urls: {b: 'http://c'}, request: {headers: 'X-Key: hunter2'}}}\n"
    ),
    "a request that is a text": (
        "databases: {app: {dsn: ''}}\nlists: {a: {urls: {b: 'http://c'}, request: hunter2}}\n"
    ),
    "a body that is no text": (
        "databases: {app: {dsn: ''}}\n"
        "lists: {a: {urls: {b: 'http://c'}, request: {body: {token: hunter2}}}}\n"
    ),
    "the URL of a webhook": (
        "databases: {app: {dsn: ''}}\nsources: {a: {table: t, active: a, started_at: b, id: c, "
        "orphaned_after: 2h, recovery: {webhook: {url: 'hooks.example/hunter2'}}}}\n"
    ),
    "a webhook that is its URL": (
        "databases: {app: {dsn: ''}}\nsources: {a: {table: t, active: a, started_at: b, id: c, "
        "orphaned_after: 2h, recovery: {webhook: 'hooks.example/hunter2'}}}\n"
    ),
    "the dsn of recovery": (
        "databases: {app: {dsn: ''}}\nsources: {a: {table: t, active: a, started_at: b, id: c, "
        "orphaned_after: 2h, recovery: {dsn: [hunter2], password_command: hunter2}}}\n"
    ),
    "a merge key": "databases: {app: {dsn: '', <<: hunter2}}\n",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_messages_do_not_show_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text if "sources:" in text else text + SOURCES)
    with pytest.raises(ConfigError) as error:
        load_config(path, ENVIRON)
    assert "hunter2" not in str(error.value)
    # Nor what a log shows: the exception that this one came from, and its repr.
    shown = "".join(traceback.format_exception(error.value, chain=True)) + repr(error.value)
    assert "hunter2" not in shown


def test_representations_do_not_show_it(load: Callable[..., Config]) -> None:
    config = load("databases: {app: {dsn: '${URL}'}}\n" + SOURCES, ENVIRON)
    assert config.databases["app"].dsn == URL
    assert "hunter2" not in f"{config} {config!r} {config.databases} {config.databases['app']}"


def test_neither_do_errors_of_the_model_itself() -> None:
    with pytest.raises(ValueError, match="connection string") as error:
        DatabaseSettings(name="app", dsn=f"{URL}\0")
    assert "hunter2" not in str(error.value)
