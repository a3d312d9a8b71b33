"""--web.listen-address."""

import pytest

from exporter.cli.options import parse_address
from exporter.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":10046", ("", 10046)),
        ("127.0.0.1:10046", ("127.0.0.1", 10046)),
        ("localhost:80", ("localhost", 80)),
        ("[::1]:10046", ("::1", 10046)),
        ("[::]:10046", ("::", 10046)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        (":65535", ("", 65535)),
        (":00080", ("", 80)),
    ],
)
def test_it_is_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", ":", "10046", "localhost", ":65536", ":-1", ":+80", ":8o", ":٣", ": 80", ":80 ", "a:b:c"],
)
def test_anything_else_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_address(text)
    assert error.value.exit_code == 2
    assert str(error.value) == (
        "--web.listen-address: expected [HOST]:PORT such as :10046 or 127.0.0.1:10046, "
        f"got '{text}'"
    )


def test_an_ipv6_host_needs_brackets() -> None:
    """::1:10046 could be the host ::1 and a port, or the host ::1:10046 and none."""
    with pytest.raises(UsageError):
        parse_address("::1:10046")
