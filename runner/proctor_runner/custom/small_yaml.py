"""Reads the small YAML that a metrics container writes: plain scalars, lists and mappings.

Anchors, aliases and tags, by which a few lines become gigabytes or objects, are refused before
anything is built.
"""

from __future__ import annotations

import yaml

MOST_BYTES = 64 * 1024

_REFUSED = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken, yaml.DirectiveToken)


def read_small_yaml(content: bytes) -> object:
    """Return what it says.

    Raises:
        ValueError: it is too long, no YAML, or holds one of the above.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    try:
        for token in yaml.scan(content, Loader=yaml.SafeLoader):
            if isinstance(token, _REFUSED):
                raise ValueError("it holds an anchor, an alias, a tag or a directive")
        return yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from error
