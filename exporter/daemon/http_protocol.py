"""HTTP as it is read from a socket, with bounds on what a client may send and leave unread.

uvicorn and the parser of httptools bound neither the headers, nor the request line, nor how many
requests are pipelined: one connection took 2.4 GB in 25 s.
"""

import asyncio
from typing import ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from exporter.daemon.http_connections import (
    MALFORMED,
    NOT_READ,
    PIPELINED,
    TIMEOUT,
    TOO_LARGE,
    HttpConnections,
)

#: The most bytes of one request: request line, headers and body; nothing here takes a body.
MOST_BYTES = 32 * 1024
MOST_HEADERS = 100
#: The most requests that wait for the answers to those before them.
MOST_PIPELINED = 8
#: How long a client may take to send one request, from when it connects or begins, in seconds.
REQUEST_SECONDS = 10.0
#: How long a client may leave an answer unread, in seconds: a scrape never takes that long.
ANSWER_SECONDS = 60.0
#: Bytes that are parsed at a time, before the bounds are looked at again.
PART = 4096

_ANSWERS = {
    MALFORMED: ("400 Bad Request", "This is not a valid HTTP request."),
    TIMEOUT: ("408 Request Timeout", f"No whole request came within {REQUEST_SECONDS:g} s."),
    TOO_LARGE: (
        "431 Request Header Fields Too Large",
        f"A request has at most {MOST_BYTES} bytes and {MOST_HEADERS} headers.",
    ),
}


class _Refused(Exception):
    """Ends the parsing of a request; it arrives as a parser's error."""


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, within the bounds. A subclass has `gate`: all connections of a server."""

    gate: ClassVar[HttpConnections]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # of a stream, as uvicorn has it
        self._unfinished = 0
        self._refusal = MALFORMED
        self._ignores_input = False
        self._answer_deadline: asyncio.TimerHandle | None = None
        self._request_deadline: asyncio.TimerHandle | None = None
        self._expect_request()
        self.gate.add(self, self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadlines()
        self.gate.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        for start in range(0, len(data), PART):
            if self._ignores_input:
                return
            part = data[start : start + PART]
            self._unfinished += len(part)
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade:
                # Not spoken here: the request is answered as it is, and nothing after it is read.
                self.cycle.keep_alive = False
                self._ignores_input = True
            except httptools.HttpParserError:
                self._refuse(self._refusal)
            else:
                if self._unfinished > MOST_BYTES:
                    self._refuse(TOO_LARGE)
        if self._unfinished and not self._ignores_input:
            self._expect_request()
        else:
            self._end_request_deadline()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MOST_HEADERS:
            self._refusal = TOO_LARGE
            raise _Refused
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise _Refused  # RFC 9112, 3.2
        if len(self.pipeline) >= MOST_PIPELINED:
            self._refusal = PIPELINED
            raise _Refused
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._unfinished = 0

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._answer_deadline is None:
            self._answer_deadline = self.loop.call_later(ANSWER_SECONDS, self._give_up_answer)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_answer_deadline()

    # What the others ask.

    @property
    def is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    @property
    def is_stuck(self) -> bool:
        return self._answer_deadline is not None

    def evict(self) -> None:
        self._ignores_input = True
        self.transport.abort()

    # Refusing.

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    def _refuse(self, reason: str) -> None:
        self.gate.reject(reason, self._peer)
        self._ignores_input = True
        if reason not in _ANSWERS or not self.is_idle:
            self.transport.abort()  # another answer is on its way, or nobody waits for this one
            return
        status, why = _ANSWERS[reason]
        text = f"{why}\n"
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(f"{head}{text}".encode())
        self.transport.close()

    def _expect_request(self) -> None:
        if self._request_deadline is None:
            self._request_deadline = self.loop.call_later(REQUEST_SECONDS, self._give_up_request)

    def _give_up_request(self) -> None:
        self._request_deadline = None
        if self._unfinished and not self.transport.is_closing():
            self._refuse(TIMEOUT)
        else:
            self.transport.close()  # a browser connects before it has anything to ask

    def _give_up_answer(self) -> None:
        self._answer_deadline = None
        self.gate.reject(NOT_READ, self._peer)
        self._ignores_input = True
        self.transport.abort()

    def _end_deadlines(self) -> None:
        self._end_request_deadline()
        self._end_answer_deadline()

    def _end_request_deadline(self) -> None:
        if self._request_deadline is not None:
            self._request_deadline.cancel()
            self._request_deadline = None

    def _end_answer_deadline(self) -> None:
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
            self._answer_deadline = None
