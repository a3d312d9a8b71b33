"""A function in the database closes sessions of no source with owners or a list."""

from collections.abc import Callable

import pytest

from exporter.config import Config
from exporter.errors import ConfigError

FILE = """\
databases: {{app: {{dsn: ""}}}}
owners: {{servers: {{unique_per_start: true, sql: SELECT 'a'}}}}
lists: {{calls: {{urls: {{main: "http://a/calls"}}}}}}
sources:
  chat:
    table: t
    active: a
    started_at: b
    last_seen_at: c
    id: id
    orphaned_after: 2h
    {evidence}
    recovery: {{set: {{a: false}}, call: session_exporter.recover_chat}}
"""


@pytest.mark.parametrize("evidence", ["list: calls", "owner: {of: server, in: servers}"])
def test_it_is_refused_beside_what_it_cannot_recheck(
    load: Callable[..., Config], evidence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(FILE.format(evidence=evidence))
    assert (
        "sources.chat.recovery: expected no call inside recovery beside owner.in or list, got "
        "a function that closes; a role that may only call a function cannot lock sessions and "
        "recheck them by what owners and lists say"
    ) in str(refused.value)


def test_it_may_stand_beside_the_name_of_an_owner(load: Callable[..., Config]) -> None:
    config = load(FILE.format(evidence="owner: server"))
    assert config.sources["chat"].recovery.call is not None
