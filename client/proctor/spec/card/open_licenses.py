"""Does a license let everybody hand a work on? Only an SPDX expression that surely does counts.

Licenses that allow it for some uses only (non-commercial ones), and everything unknown, do not: who
wants such a model asks its owner.
"""

from __future__ import annotations

import re

from proctor.spec.card.licenses import judge

OPEN = frozenset(
    {
        "0BSD",
        "AFL-2.1",
        "AFL-3.0",
        "AGPL-3.0",
        "AGPL-3.0-only",
        "AGPL-3.0-or-later",
        "Apache-2.0",
        "Artistic-1.0-Perl",
        "Artistic-2.0",
        "Beerware",
        "blessing",
        "BlueOak-1.0.0",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "BSD-3-Clause-LBNL",
        "BSD-4-Clause",
        "BSL-1.0",
        "bzip2-1.0.6",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
        "CC0-1.0",
        "CDDL-1.0",
        "CDLA-Permissive-1.0",
        "CDLA-Permissive-2.0",
        "CECILL-2.0",
        "CECILL-2.1",
        "CECILL-B",
        "CECILL-C",
        "CNRI-Python",
        "CPL-1.0",
        "curl",
        "ECL-2.0",
        "EFL-2.0",
        "EPL-1.0",
        "EPL-2.0",
        "EUPL-1.1",
        "EUPL-1.2",
        "FTL",
        "GPL-2.0",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "HPND",
        "ICU",
        "IJG",
        "ISC",
        "LGPL-2.0",
        "LGPL-2.0-only",
        "LGPL-2.0-or-later",
        "LGPL-2.1",
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "LGPL-3.0",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "libpng-2.0",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-1.1",
        "MPL-2.0",
        "MS-PL",
        "MulanPSL-2.0",
        "NCSA",
        "NTP",
        "ODbL-1.0",
        "OFL-1.1",
        "OpenSSL",
        "OSL-3.0",
        "PDDL-1.0",
        "PHP-3.01",
        "PostgreSQL",
        "PSF-2.0",
        "Python-2.0",
        "Ruby",
        "SGI-B-2.0",
        "TCL",
        "Unicode-3.0",
        "Unicode-DFS-2016",
        "Unlicense",
        "UPL-1.0",
        "Vim",
        "W3C",
        "WTFPL",
        "X11",
        "Zlib",
        "ZPL-2.1",
    }
)
"""SPDX ids of licenses under which everybody may redistribute."""

_EXCEPTION = re.compile(
    r"(?!LicenseRef-|AdditionRef-)[A-Z0-9.-]+-exception(?:-[0-9.]+)?|Linux-syscall-note", re.I
)
_BY_LOWER_CASE = {name.lower(): name for name in OPEN}


def may_be_handed_on(expression: str) -> bool:
    """Tell whether everybody may redistribute what is under this SPDX expression.

    >>> may_be_handed_on("MIT OR LicenseRef-ours"), may_be_handed_on("MIT AND LicenseRef-ours")
    (True, False)
    >>> may_be_handed_on("GPL-3.0-only WITH GCC-exception-3.1"), may_be_handed_on("")
    (True, False)
    """
    try:
        return judge(expression, _is_open)
    except ValueError:
        return False


def single_license(expression: str) -> str | None:
    """Return the SPDX id that an expression consists of, if it is one known license alone."""
    return _BY_LOWER_CASE.get(expression.strip().lower())


def _is_open(name: str, addition: str | None) -> bool:
    # SPDX's exceptions only ever add permissions; other additions may take some away.
    adds = addition is None or _EXCEPTION.fullmatch(addition) is not None
    # With a + it is this version or a later one, as whoever has it likes.
    return adds and name.lower().removesuffix("+") in _BY_LOWER_CASE
