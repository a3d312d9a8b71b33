"""The client of an encrypted connection."""

import ssl
from collections.abc import Collection
from dataclasses import dataclass

#: Under which a transport and a request's scope have the TlsPeer; None without encryption.
PEER = "session_exporter.tls_peer"


@dataclass(frozen=True, slots=True)
class TlsServer:
    """How connections are encrypted now."""

    context: ssl.SSLContext
    allowed_names: Collection[str] = ()
    """If not empty, a client's certificate must have one of these names."""
    authorities: frozenset[bytes] = frozenset()
    """The authorities of client certificates, each by its hash."""

    def trusts_all_of(self, other: "TlsServer") -> bool:
        """Whether each certificate that the other one accepted would be accepted here."""
        is_named = not self.allowed_names or (
            bool(other.allowed_names) and set(other.allowed_names) <= set(self.allowed_names)
        )
        return is_named and other.authorities <= self.authorities


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """The client, as its handshake was."""

    server: TlsServer
    has_certificate: bool
    """Whether it has shown one, which was verified."""


def is_outdated(peer: TlsPeer | None, server: TlsServer | None) -> bool:
    """Whether a connection was made before certificates, authorities or encryption changed."""
    return (peer and peer.server) is not server


def is_distrusted(peer: TlsPeer | None, server: TlsServer | None) -> bool:
    """Whether the connection might be refused now: it gets no further answers."""
    if peer is not None and peer.has_certificate:
        verifies = server is not None and server.context.verify_mode != ssl.CERT_NONE
        return server is None or not (verifies and server.trusts_all_of(peer.server))
    return server is not None and server.context.verify_mode == ssl.CERT_REQUIRED
