"""Which license a text is: only the best known, told by phrases that no other has."""

from __future__ import annotations

import re

from proctor.spec.card.licenses import canonical_id

_TAG = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+)")
_PHRASES = (
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("CC0-1.0", ("cc0 1.0",)),
    ("CC-BY-NC-SA-4.0", ("attribution-noncommercial-sharealike 4.0",)),
    ("CC-BY-NC-ND-4.0", ("attribution-noncommercial-noderivatives 4.0",)),
    ("CC-BY-NC-4.0", ("attribution-noncommercial 4.0",)),
    ("CC-BY-SA-4.0", ("attribution-sharealike 4.0",)),
    ("CC-BY-ND-4.0", ("attribution-noderivatives 4.0",)),
    ("CC-BY-4.0", ("attribution 4.0 international",)),
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    (
        "BSD-3-Clause",
        ("redistribution and use in source and binary forms", "neither the name"),
    ),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("Unlicense", ("this is free and unencumbered software",)),
)
_LOOKED_AT = 20_000


def recognize(text: str) -> str | None:
    """Return the SPDX identifier of a license's text; None when it is not one of the best known.

    >>> recognize("Licensed under the Apache License, Version 2.0 (the License)")
    'Apache-2.0'
    >>> recognize("All rights reserved.") is None
    True
    """
    begin = text[:_LOOKED_AT]
    if (tag := _TAG.search(begin)) and (name := canonical_id(tag[1])):
        return name
    flat = " ".join(begin.lower().split())
    return next(
        (name for name, phrases in _PHRASES if all(phrase in flat for phrase in phrases)), None
    )
