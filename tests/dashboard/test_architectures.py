"""Graphs of layers: below what they read, told apart where they differ, and nothing but text."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from proctor.spec.card.detected import DetectedLayer, Hyperparameter
from proctor_dashboard.architectures import arrange, route, unlike
from proctor_dashboard.drawing import graph_svg

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def layer(name: str, *inputs: str, type: str = "Conv", **fields: object) -> DetectedLayer:  # noqa: A002
    return DetectedLayer(
        name=name,
        type=type,
        inputs=inputs,
        outputs=(f"{name}:0",),
        **fields,  # type: ignore[arg-type]
    )


DIAMOND = [
    layer("a", "x"),
    layer("b", "a:0"),
    layer("c", "a:0"),
    layer("d", "b:0", "c:0", type="Add"),
    layer("e", "d:0", "a:0", type="Concat"),
]


def test_every_layer_lies_below_what_it_reads_and_none_on_another() -> None:
    nodes = arrange(DIAMOND)
    assert [node.row for node in nodes] == [0, 1, 1, 2, 3]
    assert all(nodes[parent].row < node.row for node in nodes for parent in node.parents)
    assert len({(node.row, node.column) for node in nodes}) == len(nodes)
    assert [node.parents for node in nodes] == [(), (0,), (0,), (1, 2), (0, 3)]


def test_no_line_lies_on_a_box_or_on_another_line() -> None:
    names = "abcdef"
    chain = [layer(name, f"{before}:0") for before, name in zip("x" + names, names, strict=False)]
    skips = [layer("g", "f:0", "a:0"), layer("h", "g:0", "c:0"), layer("i", "h:0", "a:0")]
    nodes = arrange([*chain, *skips])
    taken = {(node.row, node.column) for node in nodes}
    edges = route(nodes)
    assert len(edges) == sum(len(node.parents) for node in nodes)
    beside: dict[int, list[range]] = {}
    for edge in edges:
        rows = range(nodes[edge.parent].row, nodes[edge.child].row)
        if edge.column is not None:
            assert not {(row, edge.column) for row in rows[1:]} & taken
        else:
            assert edge.lane is not None
            for other in beside.setdefault(edge.lane, []):
                assert not set(rows) & set(other)
            beside[edge.lane].append(rows)
    assert len(beside) == 3


def test_layers_without_names_of_tensors_stand_below_each_other() -> None:
    plain = [DetectedLayer(name=f"l{n}", type="Linear") for n in range(3)]
    assert [(node.row, node.parents) for node in arrange(plain)] == [(0, ()), (1, (0,)), (2, (1,))]


def test_a_graph_that_names_itself_in_a_circle_is_drawn_all_the_same() -> None:
    nodes = arrange([layer("a", "b:0"), layer("b", "a:0"), layer("c", "c:0")])
    assert [node.row for node in nodes] == [0, 1, 0]


@pytest.mark.parametrize(
    ("other", "left", "right"),
    [
        (DIAMOND, set(), set()),
        ([*DIAMOND[:3], layer("d", "b:0", type="Mul"), DIAMOND[4]], {3}, {3}),
        ([layer("new", "x", type="Pad"), *DIAMOND], set(), {0}),
        ([DIAMOND[0], layer("b", weight_shapes=((3, 3),)), *DIAMOND[2:]], {1}, {1}),
        (
            [
                DIAMOND[0],
                layer("b", settings=(Hyperparameter(name="stride", value=2),)),
                *DIAMOND[2:],
            ],
            {1},
            {1},
        ),
    ],
)
def test_what_two_graphs_do_not_share_is_found_in_order(
    other: list[DetectedLayer], left: set[int], right: set[int]
) -> None:
    assert unlike(DIAMOND, other) in ((left, right), ({2} if left == {1} else left, right))


def test_a_picture_is_sound_and_holds_a_strangers_words_as_text_alone() -> None:
    layers = [
        DetectedLayer(
            name=HOSTILE,
            type=HOSTILE,
            settings=(Hyperparameter(name=HOSTILE, value=HOSTILE),),
            weight_shapes=((3, None),),
        ),
        *DIAMOND,
    ]
    picture = graph_svg(arrange(layers), {0}, HOSTILE)
    tree = ElementTree.fromstring(picture)
    names = {element.tag.partition("}")[2] for element in tree.iter()}
    assert names == {"svg", "g", "rect", "text", "path"}
    assert not {name for element in tree.iter() for name in element.attrib if name.startswith("on")}
    assert "<script" not in picture


def test_nothing_is_drawn_of_no_layers() -> None:
    assert graph_svg(arrange([])) == ""
