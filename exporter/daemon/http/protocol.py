"""The HTTP protocol, with limits on what a client may send and leave unread.

uvicorn and the parser of httptools bound neither the headers, nor the request line, nor how many
requests are pipelined: one connection took 2.4 GB in 25 s.
"""

import asyncio
import socket
import struct
from typing import ClassVar

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from exporter.daemon.http.connections import (
    CERTIFICATE,
    MALFORMED,
    MOST_CONNECTIONS,
    MOST_UNREAD,
    NOT_READ,
    PIPELINED,
    TIMEOUT,
    TOO_LARGE,
    HttpConnections,
)
from exporter.daemon.http.peer import PEER, TlsServer, is_distrusted
from exporter.daemon.timer import Timer

#: The most bytes of one request: request line, headers and body; nothing here takes a body.
MOST_BYTES = 32 * 1024
MOST_HEADERS = 100
#: The most requests that wait for the answers to those before them, of MOST_BYTES together.
MOST_PIPELINED = 8
#: How long a client may take to send one request, from when it connects or begins, in seconds.
REQUEST_SECONDS = 10.0
#: How long a client may leave an answer unread, in seconds: a scrape never takes that long.
ANSWER_SECONDS = 60.0
#: Bytes that are parsed at a time, before the bounds are checked again.
PART = 4096

_ANSWERS = {
    MALFORMED: ("400 Bad Request", "This is not a valid HTTP request."),
    TIMEOUT: ("408 Request Timeout", f"No complete request arrived within {REQUEST_SECONDS:g} s."),
    TOO_LARGE: (
        "431 Request Header Fields Too Large",
        f"A request has at most {MOST_BYTES} bytes and {MOST_HEADERS} headers.",
    ),
}


#: close() resets the connection: linger is on, for no seconds.
_RESET = struct.pack("ii", 1, 0)


class _Refused(Exception):
    """Ends the parsing of a request; it is raised through the parser."""


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits. A subclass has `gate`: all connections of a server."""

    gate: ClassVar[HttpConnections]

    def tls(self) -> TlsServer | None:
        """The encryption of a new connection."""
        return None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # of a stream, as uvicorn has it
        # Whatever is not sent at once counts as unread, and has a deadline.
        self.transport.set_write_buffer_limits(high=0)
        self._asked_app: ASGIApp = self.app
        self.app = self._answer
        self._unanswered: dict[RequestResponseCycle, int] = {}
        self._unfinished = 0
        self._refusal = MALFORMED
        self._is_lost = False
        self._ignores_input = False
        self._answer_timer = Timer()
        self._request_timer = Timer()
        self._request_timer.start(REQUEST_SECONDS, self._give_up_request)
        self.gate.add(self, self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._answer_timer.end()
        self._request_timer.end()
        self._unset_keepalive_if_required()
        self.gate.remove(self)
        # uvicorn tells the last one only, and the one before it writes to a closed transport.
        for cycle in self._unanswered:
            cycle.disconnected = True
        self.app = self._asked_app  # otherwise it would keep itself in memory
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ignores_input:
            self.transport.pause_reading()
            return
        self._unset_keepalive_if_required()
        start = 0
        while start < len(data):
            if self._ignores_input:
                return
            part = data[start : start + min(PART, MOST_BYTES - self._unfinished)]
            start += len(part)
            self._unfinished += len(part)
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade:
                # Upgrades are not supported: the request is answered, and nothing after it is read.
                self.cycle.keep_alive = False
                self._ignores_input = True
            except httptools.HttpParserError:
                self._refuse(self._refusal)
            else:
                if self._unfinished >= MOST_BYTES:  # and it is not complete
                    self._refuse(TOO_LARGE)
        if self._unfinished and not self._ignores_input:
            self._request_timer.start(REQUEST_SECONDS, self._give_up_request)
        else:
            self._request_timer.end()

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio's, of which uvicorn makes less
        """Answer a client that has closed its side, such as `nc -N`; uvicorn closes at once."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        self.cycle.keep_alive = False
        self._ignores_input = True
        self._request_timer.end()
        return True

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MOST_HEADERS:
            self._refusal = TOO_LARGE
            raise _Refused
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise _Refused  # RFC 9112, 3.2
        self._unanswered = {
            cycle: size for cycle, size in self._unanswered.items() if not cycle.response_complete
        }
        waiting = sum(self._unanswered.values())
        if len(self.pipeline) >= MOST_PIPELINED or waiting > MOST_BYTES:
            self._refusal = PIPELINED
            raise _Refused
        super().on_headers_complete()
        self._unanswered[self.cycle] = 0

    def on_body(self, body: bytes) -> None:
        """Discard bodies, which no endpoint uses; they would take 74 MB for 256 connections."""

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._unanswered[self.cycle] = self._unfinished
        self._unfinished = 0

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin an answer after the previous one was read; until then it would wait in memory."""
        await self.flow.drain()
        peer = self.transport.get_extra_info(PEER)
        if not self._is_lost and is_distrusted(peer, self.tls()):
            # No answer: so a scraper connects again, and is refused then or succeeds.
            self._hang_up(CERTIFICATE)
        elif not self._is_lost:
            scope[PEER] = peer
            await self._asked_app(scope, receive, send)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._answer_timer.start(ANSWER_SECONDS, self._give_up_answer)
        if self.unread > MOST_UNREAD / MOST_CONNECTIONS:
            # Not now: it may close this connection, in the middle of a write to it.
            self.loop.call_soon(self.gate.limit_unread)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._answer_timer.end()

    # What the others ask.

    @property
    def is_idle(self) -> bool:
        return not self.is_stuck and (self.cycle is None or self.cycle.response_complete)

    @property
    def is_stuck(self) -> bool:
        return self._answer_timer.is_set

    @property
    def unread(self) -> int:
        return 0 if self._is_lost else self.transport.get_write_buffer_size()

    def evict(self) -> None:
        self._ignores_input = True
        self._answer_timer.end()
        self._request_timer.end()
        if not self._is_lost:
            # Otherwise the kernel keeps buffered data, up to 4 MB for each connection.
            connected = self.transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    # Refusing.

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    def _refuse(self, reason: str) -> None:
        if reason not in _ANSWERS or not self.is_idle:
            self._abort(reason)  # another answer is on its way, or no client waits for it
            return
        self.gate.reject(reason, self._peer)
        self._ignores_input = True
        status, why = _ANSWERS[reason]
        text = f"{why}\n"
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(f"{head}{text}".encode())
        self.transport.close()

    def _abort(self, reason: str) -> None:
        """Close it at once; it is counted here, and not again by the caller."""
        self.gate.remove(self)
        self.gate.reject(reason, self._peer)
        self.evict()

    def _hang_up(self, reason: str) -> None:
        """Close it after the answers that it has, without pending ones."""
        self.gate.reject(reason, self._peer)
        self._ignores_input = True
        for cycle in self._unanswered:
            cycle.disconnected = True  # otherwise uvicorn answers the pending requests
        self.transport.close()

    def _give_up_request(self) -> None:
        if self._unfinished and not self.transport.is_closing():
            self._refuse(TIMEOUT)
        else:
            self.transport.close()  # a browser connects before it has a request

    def _give_up_answer(self) -> None:
        self._abort(NOT_READ)
