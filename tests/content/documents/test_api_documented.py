"""docs/api.md: each documented field is in the example of its endpoint, and of its type."""

import pytest

from tests.support.api.reference import ENDPOINTS, example_of, fields_of, is_of_type, values_of


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_example_of_an_endpoint_has_each_documented_field_and_no_other(endpoint: str) -> None:
    types = fields_of(endpoint)
    found = list(values_of(example_of(endpoint), types))
    assert {path for path, _ in found} == types.keys()
    wrong = {path: value for path, value in found if not is_of_type(value, types[path])}
    assert wrong == {}
