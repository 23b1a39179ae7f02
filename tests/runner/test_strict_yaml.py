"""An organizer's YAML: what is written once may be used often, and never without an end."""

from __future__ import annotations

import pytest
import yaml

from proctor_runner.strict_yaml import read_strict_yaml

_TEN = "".join(
    f"{name}: &{name} [{', '.join([f'*{of}'] * 9)}]\n"
    for of, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_MERGED = "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{of}'] * 9)}]}}\n"
    for of, name in zip("abcdefgh", "bcdefghi", strict=True)
)
_CHAIN = "x0: &x0 [1]\n" + "".join(f"x{n}: &x{n} [*x{n - 1}]\n" for n in range(1, 300))


def test_a_list_that_is_shared_is_written_once() -> None:
    text = b"first: &labels {1: one}\nsecond: *labels\nthird:\n  <<: *labels\n  2: two\n"
    assert read_strict_yaml(text) == {
        "first": {1: "one"},
        "second": {1: "one"},
        "third": {1: "one", 2: "two"},
    }
    assert read_strict_yaml(b"") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"a: &a [x, x]\n{_TEN}", "more than anybody writes"),
        (f"a: &a {{x: 1}}\n{_MERGED}", "more than anybody writes"),
        ("a: &a [*a]", "more than anybody writes"),
        (_CHAIN, "nested more than 100 deep"),
        ("[" * 5_000, "nested more than 100 deep"),
        ("a: " + "9" * 10_000, "digits"),
        ("a: 2001-99-99", "month must be in 1..12"),
        ("a: 1\na: 2", "the key 'a' is given twice"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        ("#" * (9 << 20), "more than 8388608 bytes"),
    ],
)
def test_what_has_no_end_or_no_value_is_told_as_a_fault_of_the_file(text: str, says: str) -> None:
    with pytest.raises(yaml.YAMLError, match=says):
        read_strict_yaml(text.encode())
