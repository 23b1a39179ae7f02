"""Third-party software beside a model: its licenses, and which are not open source or unknown.

What a package says of itself is turned into SPDX where it is plain what is meant. That is its own
word, from the metadata that it was installed with; nobody compared it with a license's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from proctor.spec.base import Spec
from proctor.spec.card.detected import DetectedPackage
from proctor.spec.card.licenses import judge, license_problem
from proctor.spec.card.open_licenses import may_be_handed_on

_FAMILIES = ("LicenseRef-BSD", "LicenseRef-GPL", "LicenseRef-LGPL")
"""Licenses that are told by their family alone; every one of it is open."""

_MEANT = {
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "asl 2": "Apache-2.0",
    "bsd": "LicenseRef-BSD",
    "bsd new": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "bsd 3 clause": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "bsd 2 clause": "BSD-2-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "freebsd": "BSD-2-Clause",
    "expat": "MIT",
    "mit": "MIT",
    "psf": "PSF-2.0",
    "python software foundation": "PSF-2.0",
    "mpl 2.0": "MPL-2.0",
    "mozilla public 2.0": "MPL-2.0",
    "gpl": "LicenseRef-GPL",
    "gnu general public (gpl)": "LicenseRef-GPL",
    "gplv2": "GPL-2.0-only",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "lgpl": "LicenseRef-LGPL",
    "lgplv2+": "LGPL-2.0-or-later",
    "lgplv2.1+": "LGPL-2.1-or-later",
    "lgplv3": "LGPL-3.0-only",
    "lgplv3+": "LGPL-3.0-or-later",
    "public domain": "LicenseRef-public-domain",
    "hpnd": "HPND",
    "isc": "ISC",
    "zlib": "Zlib",
}
"""What people write, in the words of `_plain`."""

_CLOSED = re.compile(r"proprietary|commercial|all rights reserved|non-?commercial|eula", re.I)
_LEFT_OUT = re.compile(r"\b(?:licen[cs]ed?|version|the|software|under|v(?=\d))\b|[\s,_;-]+", re.I)


class Standing(StrEnum):
    """What a license lets everybody do.

    ``open source``: use, change and hand on. ``restricted``: it is stated, and does not surely let
    everybody do so. ``unknown``: none is stated, or in words that nobody can be sure of.
    """

    OPEN = "open source"
    RESTRICTED = "restricted"
    UNKNOWN = "unknown"


class LicensedPackage(Spec):
    """One installed package and its license."""

    name: str
    version: str
    license: str = Field(description="an SPDX expression, or what it says where that is none")
    standing: Standing


class LicenseReport(Spec):
    """Every package that was found beside a model, those to look at first."""

    packages: tuple[LicensedPackage, ...]

    def of(self, standing: Standing) -> tuple[LicensedPackage, ...]:
        """Return the packages whose license stands so."""
        return tuple(one for one in self.packages if one.standing is standing)

    @property
    def words(self) -> str:
        """Return the counts as a phrase.

        >>> LicenseReport(packages=()).words
        'no packages'
        """
        counts = ", ".join(f"{len(found)} {s.value}" for s in Standing if (found := self.of(s)))
        many = len(self.packages)
        if not many:
            return "no packages"
        return f"{many} package{'' if many == 1 else 's'}: {counts}"


def license_report(packages: Iterable[DetectedPackage]) -> LicenseReport:
    """Return the licenses of installed packages."""
    order = (Standing.RESTRICTED, Standing.UNKNOWN, Standing.OPEN)
    found = [_licensed(one) for one in packages]
    found.sort(key=lambda one: (order.index(one.standing), one.name.lower()))
    return LicenseReport(packages=tuple(found))


def spdx_of(said: str) -> str:
    """Return the SPDX expression that is meant by what a package says; nothing where none is plain.

    >>> spdx_of("MIT License"), spdx_of("Apache License, Version 2.0"), spdx_of("BSD AND MIT")
    ('MIT', 'Apache-2.0', 'LicenseRef-BSD AND MIT')
    >>> spdx_of("see LICENSE.txt")
    ''
    """
    if not license_problem(said):
        return said
    parts = [_MEANT.get(_plain(part), part.strip()) for part in said.split(" AND ")]
    expression = " AND ".join(dict.fromkeys(parts))
    return "" if license_problem(expression) else expression


def _licensed(package: DetectedPackage) -> LicensedPackage:
    expression = spdx_of(package.license)
    if expression and _is_open(expression):
        standing = Standing.OPEN
    elif expression or _CLOSED.search(package.license):
        standing = Standing.RESTRICTED
    else:
        standing = Standing.UNKNOWN
    return LicensedPackage(
        name=package.name,
        version=package.version,
        license=expression or package.license,
        standing=standing,
    )


def _is_open(expression: str) -> bool:
    def leaf(name: str, addition: str | None) -> bool:
        whole = name if addition is None else f"{name} WITH {addition}"
        return name in _FAMILIES or name == "LicenseRef-public-domain" or may_be_handed_on(whole)

    return judge(expression, leaf)


def _plain(said: str) -> str:
    """Return words without those that say nothing, in small letters."""
    return " ".join(_LEFT_OUT.sub(" ", said.lower()).split())
