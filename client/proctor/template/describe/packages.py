"""Which distributions are installed beside a model, and under which licenses, as they say."""

from __future__ import annotations

from importlib import metadata

from .values import Entry, word

_MOST_PACKAGES = 2000
_MOST_LICENSE = 60
_CLASSIFIER = "License :: OSI Approved :: "
# What the classifiers of before license expressions mean.
_MEANT = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}


def installed() -> list[Entry]:
    """Return every installed distribution once, by name."""
    found: dict[str, Entry] = {}
    for one in metadata.distributions():
        about = one.metadata
        name = about["Name"] if about is not None else None
        if not name or name.lower() in found:
            continue
        found[name.lower()] = {
            "name": word(name),
            "version": word(one.version or ""),
            "license": _license(about),
        }
    return [found[name] for name in sorted(found)][:_MOST_PACKAGES]


def _license(about: metadata.PackageMetadata) -> str:  # type: ignore[name-defined,unused-ignore]
    expression = about["License-Expression"]
    if expression:
        return word(expression)
    said = [
        line[len(_CLASSIFIER) :]
        for line in about.get_all("Classifier") or []
        if line.startswith(_CLASSIFIER)
    ]
    if said:
        return word(" AND ".join(_MEANT.get(one, one) for one in said))
    text = (about["License"] or "").strip()
    # Some put the whole text there.
    return word(text) if text and len(text) <= _MOST_LICENSE and "\n" not in text else ""
