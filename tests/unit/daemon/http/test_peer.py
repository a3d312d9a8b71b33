"""Which open connections are still answered when the web config has changed."""

import ssl

import pytest

from exporter.daemon.http.peer import TlsPeer, TlsServer, is_distrusted

OLD, NEW = b"old", b"new"


def server(
    *authorities: bytes, names: tuple[str, ...] = (), mode: ssl.VerifyMode = ssl.CERT_REQUIRED
) -> TlsServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = mode
    return TlsServer(context, names, frozenset(authorities))


BEFORE = server(OLD)
NAMED = server(OLD, names=("a", "b"))
OPTIONAL, NONE = ssl.CERT_OPTIONAL, ssl.CERT_NONE


@pytest.mark.parametrize(
    ("before", "after", "is_good"),
    [
        (BEFORE, BEFORE, True),
        (BEFORE, server(OLD), True),
        (BEFORE, server(OLD, NEW), True),
        (BEFORE, server(OLD, mode=OPTIONAL), True),
        (BEFORE, server(NEW), False),
        (server(OLD, NEW), BEFORE, False),
        (BEFORE, server(), False),
        (BEFORE, server(OLD, names=("a",)), False),
        (BEFORE, server(OLD, mode=NONE), False),
        (BEFORE, None, False),
        (NAMED, server(OLD, names=("c", "b", "a")), True),
        (NAMED, server(OLD, names=("a",)), False),
        (NAMED, server(OLD), True),
    ],
)
def test_a_certificate_is_good_where_each_that_was_let_in_before_would_be_now(
    before: TlsServer, after: TlsServer | None, is_good: bool
) -> None:
    assert is_distrusted(TlsPeer(before, has_certificate=True), after) is not is_good


@pytest.mark.parametrize(
    ("after", "is_good"),
    [(None, True), (server(mode=NONE), True), (server(OLD, mode=OPTIONAL), True), (BEFORE, False)],
)
def test_without_a_certificate_a_connection_ends_where_one_is_required(
    after: TlsServer | None, is_good: bool
) -> None:
    anonymous = TlsPeer(server(OLD, mode=OPTIONAL), has_certificate=False)
    assert is_distrusted(anonymous, after) is not is_good
    assert is_distrusted(None, after) is not is_good
