"""What an application may do to its sessions in a world that hypothesis makes up."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

IDS = st.integers(1, 3)
#: A sign of life may be written late.
AGES = st.sampled_from([0, 11])
#: Evidence that needs no lock on the session's row.
PRESENCES = st.tuples(st.just("tell"), st.just("presence"), IDS, AGES)
ACTS = st.one_of(
    st.tuples(st.just("show_life"), IDS, AGES),
    st.tuples(st.just("tell"), st.just("messages"), IDS, AGES),
    PRESENCES,
    st.tuples(st.just("end"), IDS),
    st.tuples(st.just("reopen"), IDS),
)

#: The same worlds each time, of any duration.
SETTINGS = settings(
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # emptied before each
)
