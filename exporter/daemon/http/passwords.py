"""Checks the passwords of requests against bcrypt's hashes.

A check takes some 60 ms of a processor by design. So it is made in a thread, one at a time, and
correct passwords are remembered. An unknown client can use at most one processor, and does not
block a scraper whose password was correct before.
"""

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections import Counter, OrderedDict
from collections.abc import Mapping

from exporter.daemon.http.connections import network_of

#: The number of remembered passwords: more than there are scrapers.
MOST_REMEMBERED = 100
#: How many checks of one client (IPv4 address, or IPv6 network) may wait.
MOST_WAITING = 4

#: bcrypt reads no more of a password; Go's ignores the rest as well.
_MOST_BYTES = 72


class TooManyChecks(Exception):
    """The client has several passwords that were not checked yet."""


class Passwords:
    """The correct passwords as keyed hashes, so that no password stays in memory."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right = OrderedDict[bytes, None]()
        self._waiting = Counter[str]()
        self._checking = asyncio.Lock()

    async def are_right(
        self, users: Mapping[str, str], authorization: list[bytes], client: str
    ) -> bool:
        """Whether the headers `Authorization` of a request name a user and its password.

        Raises TooManyChecks.
        """
        given = _basic(authorization[0]) if len(authorization) == 1 else None
        if given is None:
            return False
        user, password = given
        known = users.get(user)
        most = max(map(_cost, users.values()))
        # For a user that there is not, a check takes as long as for one that there is.
        hash_ = known or _hash_of_no_password(most)
        entry = self._entry(user, hash_, password)
        if entry in self._right:
            self._right.move_to_end(entry)
            return True
        is_right = await self._check(hash_, password, most, network_of(client))
        if not is_right or known is None:
            return False
        self._right[entry] = None
        if len(self._right) > MOST_REMEMBERED:
            self._right.popitem(last=False)
        return True

    async def _check(self, hash_: str, password: bytes, most: int, network: str) -> bool:
        if self._waiting[network] >= MOST_WAITING:
            raise TooManyChecks
        self._waiting[network] += 1
        try:
            async with self._checking:
                return await asyncio.to_thread(_matches_slowly, hash_, password, most)
        finally:
            self._waiting[network] -= 1
            self._waiting += Counter()  # drops those at 0

    def _entry(self, user: str, hash_: str, password: bytes) -> bytes:
        """The key includes the hash, so that a changed password is wrong from then on."""
        made = hashlib.blake2b(key=self._key, digest_size=32)
        for part in (user.encode(), hash_.encode(), password):
            made.update(len(part).to_bytes(8))
            made.update(part)
        return made.digest()


def _basic(authorization: bytes) -> tuple[str, bytes] | None:
    """User and password of RFC 7617, or None."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def _cost(hash_: str) -> int:
    return int(hash_.split("$")[2])


def _hash_of_no_password(cost: int) -> str:
    """A hash of no password."""
    return f"$2b${cost:02}${'.' * 53}"


def _matches_slowly(hash_: str, password: bytes, most: int) -> bool:
    """Whether it is right; a wrong one takes as long as with a hash of the cost `most`.

    Else the time would tell which users have a hash of a lower cost, and so exist. Each step of the
    cost doubles the time: one more check of each cost from that of the hash on adds up to it.
    """
    if _matches(hash_, password):
        return True
    for cost in range(_cost(hash_), most):
        _matches(_hash_of_no_password(cost), password)
    return False


def _matches(hash_: str, password: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 - most exporters have no users

    try:
        return bcrypt.checkpw(password[:_MOST_BYTES], hash_.encode())
    except ValueError:  # releases before 5 accept no zero byte
        return False
