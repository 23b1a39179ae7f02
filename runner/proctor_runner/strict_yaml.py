"""Reads an organizer's YAML: no key twice, and no more of it than was written.

Anchors are allowed, since a list that several tasks share is written once. But a few lines of them
can stand for gigabytes, so what a document stands for is counted before anything is built.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

MOST_BYTES = 8 << 20
_MOST_NODES = 1_000_000
_MOST_DEPTH = 100


def read_strict_yaml(content: bytes) -> object:
    """Return what a document says.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
        yaml.YAMLError: It is no YAML, is too large, or gives a key twice.
    """
    if len(content) > MOST_BYTES:
        raise _problem(f"it has more than {MOST_BYTES} bytes")
    text = content.decode("utf-8")
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _measure(node, {})
        return loader.construct_document(node)
    except RecursionError:
        raise _problem(f"it is nested more than {_MOST_DEPTH} deep") from None
    except (ValueError, OverflowError) as error:
        raise _problem(" ".join(str(error).split())[:200]) from error


class _Extent(NamedTuple):
    """What a node stands for once every alias is written out."""

    nodes: int
    depth: int


_ENDLESS = _Extent(_MOST_NODES, _MOST_DEPTH)


def _measure(node: yaml.Node, known: dict[int, _Extent]) -> _Extent:
    if isinstance(node, yaml.ScalarNode):
        return _Extent(1, 1)
    if id(node) not in known:
        # While its inside is measured, one that meets itself is endless.
        known[id(node)] = _ENDLESS
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(one,) for one in node.value]
        inner = [_measure(one, known) for pair in pairs for one in pair]
        known[id(node)] = _Extent(
            1 + sum(one.nodes for one in inner),
            1 + max((one.depth for one in inner), default=0),
        )
    found = known[id(node)]
    if found.nodes >= _MOST_NODES:
        raise _problem("its aliases stand for more than anybody writes", node)
    if found.depth > _MOST_DEPTH:
        raise _problem(f"it is nested more than {_MOST_DEPTH} deep", node)
    return found


def _problem(message: str, node: yaml.Node | None = None) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=message, problem_mark=node.start_mark if node else None)


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that is given twice; YAML itself would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping whose keys are all different."""
        seen = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
                if (key_node.tag, key_node.value) in seen:
                    raise yaml.constructor.ConstructorError(
                        None,
                        None,
                        f"the key {key_node.value!r} is given twice",
                        key_node.start_mark,
                    )
                seen.add((key_node.tag, key_node.value))
        return super().construct_mapping(node, deep)
