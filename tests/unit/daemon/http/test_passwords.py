"""A password is right or wrong, whatever else a request says; and a check is made once."""

import asyncio
from base64 import b64encode

import bcrypt
import pytest

from exporter.daemon.http.passwords import MOST_REMEMBERED, MOST_WAITING, Passwords, TooManyChecks


def hashed(password: str) -> str:
    """By the least cost, as no test has the time for another."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


LONG = "x" * 72
USERS = {"a": hashed("right"), "b": hashed("other"), "empty": hashed(""), "ä": hashed(LONG)}


def basic(text: str) -> bytes:
    return b"Basic " + b64encode(text.encode())


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that passwords were checked against."""
    made = list[str]()

    def checkpw(password: bytes, hash_: bytes) -> bool:
        made.append(hash_.decode())
        return check(password, hash_)

    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return made


@pytest.mark.parametrize(
    "given",
    [
        [basic("a:right")],
        [b"basic " + b64encode(b"a:right")],
        [b"Basic   " + b64encode(b"a:right") + b" "],
        [basic("empty:")],
        [basic(f"ä:{LONG}")],
        [basic(f"ä:{LONG}and what bcrypt does not read")],
    ],
)
async def test_a_right_password_is_right(given: list[bytes]) -> None:
    assert await Passwords().are_right(USERS, given, "client")


@pytest.mark.parametrize(
    "given",
    [
        [],
        [basic("a:wrong")],
        [basic("a:")],
        [basic("a")],
        [basic("b:right")],
        [basic("A:right")],
        [basic("nobody:right")],
        [basic("a:right\0")],
        [basic("a:right"), basic("a:right")],
        [b"Bearer " + b64encode(b"a:right")],
        [b64encode(b"a:right")],
        [b"Basic"],
        [b"Basic a:right"],
        [b"Basic \xff\xfe"],
        [b"Basic " + b64encode(b"\xff:right")],
        [b"Basic " + b64encode(b"a:" + b"x" * 100_000)],
    ],
)
async def test_a_wrong_password_is_wrong(given: list[bytes]) -> None:
    assert not await Passwords().are_right(USERS, given, "client")


async def test_a_right_password_is_checked_once_and_a_wrong_one_each_time(
    checks: list[str],
) -> None:
    passwords = Passwords()
    for _ in range(3):
        assert await passwords.are_right(USERS, [basic("a:right")], "client")
        assert not await passwords.are_right(USERS, [basic("a:wrong")], "client")
    assert checks == [USERS["a"]] * 4


async def test_a_password_that_was_changed_is_wrong_at_once() -> None:
    passwords = Passwords()
    assert await passwords.are_right(USERS, [basic("a:right")], "client")
    changed = {**USERS, "a": hashed("new")}
    assert not await passwords.are_right(changed, [basic("a:right")], "client")
    assert await passwords.are_right(changed, [basic("a:new")], "client")
    gone = {"b": USERS["b"]}
    assert not await passwords.are_right(gone, [basic("a:right")], "client")


@pytest.mark.parametrize("user", ["low", "middle", "high", "nobody"])
async def test_a_wrong_password_costs_the_same_whatever_the_user_and_its_hash(
    checks: list[str], user: str
) -> None:
    users = {
        name: bcrypt.hashpw(b"right", bcrypt.gensalt(cost)).decode()
        for name, cost in {"low": 4, "middle": 5, "high": 7}.items()
    }
    passwords = Passwords()
    assert not await passwords.are_right(users, [basic(f"{user}:wrong")], "client")
    assert sum(2 ** int(each[4:6]) for each in checks) == 2**7


async def test_what_is_remembered_is_bounded_and_holds_no_password() -> None:
    passwords = Passwords()
    users = {str(number): USERS["a"] for number in range(MOST_REMEMBERED + 5)}
    for user in users:
        assert await passwords.are_right(users, [basic(f"{user}:right")], "client")
    assert len(passwords._right) == MOST_REMEMBERED
    assert all(len(each) == 32 for each in passwords._right)


async def test_a_client_that_has_many_checked_keeps_no_other_one_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def to_thread(*_: object) -> bool:
        begun.set()
        await goes_on.wait()
        return True

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    passwords = Passwords()
    wrong = [
        asyncio.create_task(passwords.are_right(USERS, [basic(f"a:{number}")], "2001:db8::1"))
        for number in range(MOST_WAITING)
    ]
    await begun.wait()
    with pytest.raises(TooManyChecks):  # of the same network
        await passwords.are_right(USERS, [basic("a:more")], "2001:db8::2")
    other = asyncio.create_task(passwords.are_right(USERS, [basic("b:other")], "192.0.2.1"))
    goes_on.set()
    assert await other
    await asyncio.gather(*wrong)
    assert not passwords._waiting
