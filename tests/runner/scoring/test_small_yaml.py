"""YAML of a metrics container is small and plain, or it is refused."""

from __future__ import annotations

import pytest

from proctor_runner.custom.small_yaml import read_small_yaml


def test_scalars_lists_and_mappings_are_read():
    assert read_small_yaml(b"dice: {mean: 0.5}\nall: [1, 2]\nname: x\n") == {
        "dice": {"mean": 0.5},
        "all": [1, 2],
        "name": "x",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: &a [1]\nb: [*a, *a]\n", "an anchor, an alias, a tag or a directive"),
        (b"b: *a\n", "an anchor, an alias, a tag or a directive"),
        (b"a: !!python/object/apply:os.system [ls]\n", "an anchor, an alias, a tag or a directive"),
        (b"%YAML 1.1\n---\na: 1\n", "an anchor, an alias, a tag or a directive"),
        (b"a: [1\n", "expected ',' or ']'"),
        (b"[" * 5000, "."),
        (b"a" * (64 * 1024 + 1), "more than 65536 bytes"),
        (b"\xff\xfe\x00", "."),
    ],
)
def test_what_may_become_more_than_it_says_is_refused(content, said):
    with pytest.raises(ValueError, match=said):
        read_small_yaml(content)
