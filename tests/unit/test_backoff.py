"""How long a database that could not be reached is left alone."""

import pytest

from exporter.backoff import AUTHENTICATION, CONNECT, Backoff


def waits(limits: tuple[float, float], failures: int) -> list[float]:
    """The wait after each of so many failures in a row."""
    backoff, found = Backoff(), []
    for _ in range(failures):
        backoff.failed(100.0, limits)
        found.append(backoff.until - 100.0)
    return found


@pytest.mark.parametrize("limits", [CONNECT, AUTHENTICATION])
@pytest.mark.parametrize("_repeated", range(20))
def test_waits_double_up_to_the_longest_with_up_to_half_of_them_left_out(
    limits: tuple[float, float], _repeated: int
) -> None:
    shortest, longest = limits
    for number, wait in enumerate(waits(limits, 12)):
        whole = min(longest, shortest * 2**number)
        assert max(shortest, whole / 2) <= wait <= whole


def test_the_waits_of_two_databases_differ() -> None:
    assert waits(CONNECT, 10) != waits(CONNECT, 10)


def test_an_authentication_failure_is_left_alone_for_longer() -> None:
    assert min(waits(AUTHENTICATION, 10)) >= 60
    assert min(waits(CONNECT, 1)) == 1


def test_it_stays_at_the_longest_wait_however_often_it_fails() -> None:
    backoff = Backoff(failures=10**9)
    backoff.failed(0.0, CONNECT)
    assert 30 <= backoff.until <= 60


def test_it_waits_until_the_moment_and_not_at_it() -> None:
    backoff = Backoff(failures=1, until=10.0)
    assert backoff.waits(9.999)
    assert not backoff.waits(10.0)


def test_a_success_ends_the_wait_and_forgets_the_failures() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.failed(0.0, CONNECT)
    backoff.succeeded()
    assert not backoff.waits(0.0)
    backoff.failed(0.0, CONNECT)
    assert backoff.until == 1.0
