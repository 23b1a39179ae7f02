"""Does a license let everybody hand a model on? Only an SPDX expression that surely does counts.

Licenses that allow it for some uses only (non-commercial ones), and everything unknown, do not: who
wants such a model asks its owner.
"""

from __future__ import annotations

import re

from proctor.spec.card.licenses import judge

OPEN = frozenset(
    {
        "0BSD",
        "AFL-3.0",
        "AGPL-3.0-only",
        "AGPL-3.0-or-later",
        "Apache-2.0",
        "Artistic-2.0",
        "BSD-1-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3-Clause-Clear",
        "BSL-1.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
        "CC0-1.0",
        "CDLA-Permissive-1.0",
        "CDLA-Permissive-2.0",
        "CECILL-2.1",
        "CECILL-B",
        "CECILL-C",
        "ECL-2.0",
        "EPL-1.0",
        "EPL-2.0",
        "EUPL-1.1",
        "EUPL-1.2",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "ISC",
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "MS-PL",
        "MulanPSL-2.0",
        "NCSA",
        "ODbL-1.0",
        "OSL-3.0",
        "PDDL-1.0",
        "PostgreSQL",
        "Python-2.0",
        "UPL-1.0",
        "Unlicense",
        "W3C",
        "Zlib",
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
    return adds and name.lower() in _BY_LOWER_CASE
