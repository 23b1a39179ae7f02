"""SPDX expressions."""

import pytest
from packaging.licenses import _spdx

from proctor.spec.card.detected import DetectedPackage
from proctor.spec.card.licenses import _listed, canonical_id, license_problem
from proctor.spec.card.open_licenses import OPEN
from proctor.spec.card.package_licenses import Standing, license_report


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


@pytest.mark.parametrize(
    ("said", "spdx", "standing"),
    [
        ("BSD-3-Clause AND 0BSD AND MIT", "BSD-3-Clause AND 0BSD AND MIT", Standing.OPEN),
        ("Apache License, Version 2.0", "Apache-2.0", Standing.OPEN),
        ("3-Clause BSD License", "BSD-3-Clause", Standing.OPEN),
        ("BSD", "LicenseRef-BSD", Standing.OPEN),
        ("GNU General Public License (GPL)", "LicenseRef-GPL", Standing.OPEN),
        ("The MIT License", "MIT", Standing.OPEN),
        ("MIT AND BSD AND MIT", "MIT AND LicenseRef-BSD", Standing.OPEN),
        ("GPL-3.0+", "GPL-3.0+", Standing.OPEN),
        ("LicenseRef-NVIDIA-Proprietary", "LicenseRef-NVIDIA-Proprietary", Standing.RESTRICTED),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0", Standing.RESTRICTED),
        ("MIT AND CC-BY-NC-4.0", "MIT AND CC-BY-NC-4.0", Standing.RESTRICTED),
        ("NVIDIA Proprietary Software", "NVIDIA Proprietary Software", Standing.RESTRICTED),
        ("see the file", "see the file", Standing.UNKNOWN),
        ("", "", Standing.UNKNOWN),
    ],
)
def test_what_a_package_says_of_its_license_is_read_and_judged(said, spdx, standing):
    (found,) = license_report([DetectedPackage(name="a", license=said)]).packages
    assert (found.license, found.standing) == (spdx, standing)


def test_packages_whose_license_is_not_surely_open_come_first_and_all_are_counted():
    said = {"zlib": "Zlib", "mine": "LicenseRef-mine", "Apple": "", "bsd": "BSD"}
    report = license_report(DetectedPackage(name=name, license=one) for name, one in said.items())
    assert [one.name for one in report.packages] == ["mine", "Apple", "bsd", "zlib"]
    assert report.words == "4 packages: 2 open source, 1 restricted, 1 unknown"


def test_every_open_license_is_one_of_the_list():
    assert {canonical_id(name) for name in OPEN} == OPEN
