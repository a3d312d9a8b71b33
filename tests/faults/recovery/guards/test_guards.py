"""What is not to be recovered is not, whoever asks; and who has no part in it never waits."""

import pytest

from tests.support.recovery.chats import ACTS
from tests.support.recovery.recoveries import Recoveries
from tests.support.recovery.scenarios import races, twins, undos
from tests.support.recovery.scenarios.races import BY_ITSELF, ELSEWHERE

PROTECTIONS = BY_ITSELF | ELSEWHERE


@pytest.mark.quick("has ended", "just seen", "backlog", "is present", "exempt")
@pytest.mark.parametrize("why", PROTECTIONS)
def test_a_session_is_not_closed_while(recoveries: Recoveries, why: str) -> None:
    races.only_who_is_to_be_closed_is_closed(recoveries, PROTECTIONS[why])


@pytest.mark.quick("ends without", "is deleted", "shows life")
@pytest.mark.parametrize("act", sorted(ACTS))
def test_who_was_not_found_never_waits(recoveries: Recoveries, act: str) -> None:
    races.who_was_not_asked_for_never_waits(recoveries, act)


def test_who_has_ended_before_the_lock_never_waits(recoveries: Recoveries) -> None:
    races.who_has_ended_never_waits(recoveries)


def test_a_live_session_with_the_id_of_an_orphan_is_left_alone(recoveries: Recoveries) -> None:
    twins.a_live_twin_is_left_alone(recoveries)


def test_orphans_with_one_id_are_closed_one_by_one_and_each_gets_its_own_back(
    recoveries: Recoveries,
) -> None:
    twins.twins_get_their_own_back(recoveries)


def test_only_the_run_is_undone_and_each_session_gets_its_own_back(recoveries: Recoveries) -> None:
    undos.only_the_run_is_undone_and_each_session_gets_its_own_back(recoveries)
