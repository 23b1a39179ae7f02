"""SPDX expressions."""

import pytest
from packaging.licenses import _spdx

from proctor.spec.card.licenses import _listed, canonical_id, license_problem


@pytest.mark.parametrize(
    "expression",
    [
        "MIT",
        "mit",
        "GPL-2.0+",
        "GPL-3.0-only WITH GCC-exception-3.1",
        "(MIT OR Apache-2.0) AND LicenseRef-terms",
        "DocumentRef-a:LicenseRef-b",
    ],
)
def test_a_sound_expression_has_no_problem(expression):
    assert license_problem(expression) == ""


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "no license is named"),
        ("Proprietary", "is no SPDX license identifier"),
        ("Apache-2", "did you mean Apache-2.0?"),
        ("MIT OR", "missing at its end"),
        ("(MIT", "parenthesis is not closed"),
        ("MIT Apache-2.0", "join two by AND or OR"),
        ("MIT WITH", "exception is missing"),
        ("MIT WITH Mine", "is no SPDX exception"),
        ("MIT; rm -rf", "has no place in a license"),
        ("(" * 150, "nested too deep"),
    ],
)
def test_an_unsound_expression_is_told_why(expression, said):
    assert said in license_problem(expression)


def test_the_list_is_the_one_that_packaging_has():
    licenses, exceptions = _listed()
    assert set(licenses.values()) >= {entry["id"] for entry in _spdx.LICENSES.values()}
    assert set(exceptions.values()) >= {entry["id"] for entry in _spdx.EXCEPTIONS.values()}
    assert canonical_id("cc-by-nc-sa-4.0") == "CC-BY-NC-SA-4.0"
