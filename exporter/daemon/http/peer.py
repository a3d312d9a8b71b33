"""What is known about who is at the other end of an encrypted connection."""

import ssl
from dataclasses import dataclass

#: Under which a transport and a request's scope have the TlsPeer; None without encryption.
PEER = "session_exporter.tls_peer"


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """The client, as its handshake was."""

    context: ssl.SSLContext
    has_certificate: bool
    """Whether it has shown one; it was verified, else there were no connection."""
