"""An encrypted connection: TLS between the socket and the protocol of HTTP.

asyncio's implementation counts a connection only after its handshake: a client that begins many
would evade every limit. Here it counts from the start, and the unsent data is known.
"""

import asyncio
import ssl
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from uvicorn.protocols.utils import get_remote_addr

from exporter.daemon.http.connections import CERTIFICATE, TIMEOUT, TLS
from exporter.daemon.http.peer import PEER, TlsPeer, TlsServer
from exporter.daemon.http.protocol import REQUEST_SECONDS, LimitedProtocol
from exporter.daemon.timer import Timer

#: Bytes that are decrypted at a time.
_PART = 65_536

_PLAIN = b"This port speaks HTTPS.\n"
_PLAIN_ANSWER = (
    b"HTTP/1.0 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_PLAIN), _PLAIN)
)


class TlsTransport(asyncio.Transport):
    """Encrypts and sends written data at once, so that only the socket buffers it."""

    def __init__(
        self, socket: asyncio.Transport, tls: ssl.SSLObject, outgoing: ssl.MemoryBIO, peer: TlsPeer
    ) -> None:
        super().__init__({"sslcontext": peer.server.context, PEER: peer})
        self._socket, self._tls, self._outgoing = socket, tls, outgoing

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's own
        found = super().get_extra_info(name)
        return self._socket.get_extra_info(name, default) if found is None else found

    def write(self, data: bytes | bytearray | memoryview) -> None:
        rest = memoryview(data)
        while rest and not self.is_closing():
            try:
                rest = rest[self._tls.write(rest) :]
            except ssl.SSLError:
                self.abort()
            self.flush()

    def flush(self) -> None:
        """Send pending TLS records."""
        if self._outgoing.pending and not self.is_closing():
            self._socket.write(self._outgoing.read())

    def close(self) -> None:
        """Send close_notify, and close when everything has been sent."""
        if self.is_closing():
            return
        with suppress(ssl.SSLError):  # it waits for the client's close_notify, which is not needed
            self._tls.unwrap()
        self.flush()
        self._socket.close()

    def abort(self) -> None:
        self._socket.abort()

    def is_closing(self) -> bool:
        return self._socket.is_closing()

    def pause_reading(self) -> None:
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        self._socket.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """They are set from the start."""

    def get_write_buffer_size(self) -> int:
        return self._socket.get_write_buffer_size()


class TlsConnection(asyncio.Protocol):
    """The handshake, and then what the client sends, decrypted, for the protocol of HTTP."""

    def __init__(self, http: LimitedProtocol, server: TlsServer) -> None:
        self._http = http
        self._gate = http.gate
        self._server = server
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = server.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._handshake_timer = Timer()
        self._has_sent = False
        self._is_paused = False
        self._is_at_end = False
        self._keeps_open = False
        self._transport: TlsTransport | None = None
        """From the end of the handshake on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket: asyncio.Transport = transport  # type: ignore[assignment] # of a stream
        self._socket.set_write_buffer_limits(high=0)
        found = get_remote_addr(self._socket)
        self._client = found[0] if found else ""
        self._handshake_timer.start(REQUEST_SECONDS, self._give_up)
        self._gate.add(self, self._client)

    def connection_lost(self, exc: Exception | None) -> None:
        self._handshake_timer.end()
        self._gate.remove(self)
        if self._transport is not None:
            self._http.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_sent = True
        self._incoming.write(data)
        if self._transport is None:
            self._shake_hands()
        if self._transport is not None:
            self._read(self._transport)

    def eof_received(self) -> bool:
        if self._transport is not None:
            self._end_input()
        return self._keeps_open

    def pause_writing(self) -> None:
        self._is_paused = True
        if self._transport is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        self._is_paused = False
        if self._transport is not None:
            self._http.resume_writing()

    # Requested by other connections, until the protocol of HTTP replaces this one.

    @property
    def is_idle(self) -> bool:
        return True

    @property
    def is_stuck(self) -> bool:
        return False

    @property
    def unread(self) -> int:
        return 0

    def evict(self) -> None:
        self._handshake_timer.end()
        self._socket.abort()

    # The handshake.

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._refuse(_reason(error), _PLAIN_ANSWER if error.reason == "HTTP_REQUEST" else b"")
        else:
            certificate = self._tls.getpeercert()
            if self._server.allowed_names and not _is_for(self._server.allowed_names, certificate):
                self._refuse(CERTIFICATE)
            else:
                self._open(TlsPeer(self._server, has_certificate=bool(certificate)))

    def _open(self, peer: TlsPeer) -> None:
        self._handshake_timer.end()
        self._gate.remove(self)
        self._transport = TlsTransport(self._socket, self._tls, self._outgoing, peer)
        self._http.connection_made(self._transport)
        if self._is_paused:
            self._http.pause_writing()
        self._transport.flush()

    def _refuse(self, reason: str, answer: bytes = b"") -> None:
        self._handshake_timer.end()
        self._gate.remove(self)
        self._gate.reject(reason, self._client)
        if answer:
            self._socket.write(answer)
        else:
            self._flush()  # the alert with the reason
        self._socket.close()
        self._limit_close()

    def _give_up(self) -> None:
        self._gate.remove(self)
        if self._has_sent:
            self._gate.reject(TIMEOUT, self._client)
        self._socket.abort()

    def _limit_close(self) -> None:
        """Do not wait for a client that never reads the reason of the refusal."""
        if self._socket.get_write_buffer_size():
            self._handshake_timer.start(REQUEST_SECONDS, self._socket.abort)

    def _flush(self) -> None:
        if self._outgoing.pending and not self._socket.is_closing():
            self._socket.write(self._outgoing.read())

    # After it.

    def _read(self, transport: TlsTransport) -> None:
        while not transport.is_closing():
            try:
                data = self._tls.read(_PART)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLError:
                self._gate.remove(self._http)
                self._gate.reject(TLS, self._client)
                transport.flush()
                self._http.evict()
                return
            if not data:
                self._end_input()
                break
            self._http.data_received(data)
        transport.flush()  # tickets, and answers of TLS itself

    def _end_input(self) -> None:
        """The client has ended its side: within TLS, of the connection, or both."""
        if not self._is_at_end:
            self._is_at_end = True
            self._keeps_open = self._http.eof_received()
            if not self._keeps_open and self._transport is not None:
                self._transport.close()


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATE
    return CERTIFICATE if error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE" else TLS


def _is_for(names: Collection[str], certificate: Any) -> bool:  # noqa: ANN401 - as ssl gives it
    return any(name in names for _, name in (certificate or {}).get("subjectAltName", ()))


def with_tls(
    plain: Callable[..., LimitedProtocol], server: Callable[[], TlsServer | None]
) -> Callable[..., asyncio.Protocol]:
    """The protocol of a new connection, encrypted by the current settings of `server`, or not."""

    def make(**given: Any) -> asyncio.Protocol:  # noqa: ANN401 - uvicorn's own
        http, tls = plain(**given), server()
        return http if tls is None else TlsConnection(http, tls)

    return make
