"""What is told of PyTorch models, by a stand-in that answers as PyTorch 2.13 does.

PyTorch itself is no dependency of the tests.
"""

from math import prod

from proctor.template.describe.found import find_tensors
from proctor.template.describe.modules import describe_module, describe_tensors


class Tensor:
    dtype = "torch.float32"

    def __init__(self, *lengths, requires_grad=True):
        self.lengths, self.requires_grad = lengths, requires_grad

    @property
    def shape(self):
        return self.lengths

    def numel(self):
        return prod(self.shape)

    def element_size(self):
        return 4

    def is_floating_point(self):
        return True


Tensor.__module__ = "torch"


class UninitializedParameter(Tensor):
    @property
    def shape(self):
        raise RuntimeError("Can't access the shape of an uninitialized parameter or buffer.")


class Module:
    def __init__(self, own=(), **inside):
        self._own, self._inside = list(own), inside

    def children(self):
        return iter(self._inside.values())

    def named_modules(self, before=""):
        yield before, self
        for name, part in self._inside.items():
            yield from part.named_modules(f"{before}.{name}".strip("."))

    def modules(self):
        return (part for _, part in self.named_modules())

    def parameters(self, recurse=True):
        return (one for part in (self.modules() if recurse else [self]) for one in part._own)


class Linear(Module):
    pass


class Sequential(Module):
    pass


class LinearPackedParams(Module):
    pass


class DynamicLinear(Module):
    def __init__(self):
        super().__init__(_packed_params=LinearPackedParams())

    def weight(self):
        return Tensor(2, 8, requires_grad=False)

    def bias(self):
        return Tensor(2, requires_grad=False)


DynamicLinear.__module__ = "torch.ao.nn.quantized.dynamic.modules.linear"


class Constant:
    def __init__(self, value):
        self.value = value

    def output(self):
        return self

    def toIValue(self):  # PyTorch's name
        return self.value


class Frozen(Module):
    original_name = "Sequential"

    @property
    def inlined_graph(self):
        return self

    def findAllNodes(self, kind):  # PyTorch's name
        values = Tensor(2, 8), [Tensor(2), Tensor(3)], 1, None
        return [Constant(value) for value in values] if kind == "prim::Constant" else []


def layers_of(found):
    return [(layer["name"], layer["type"], layer["parameters"]) for layer in found["layers"]]


def test_a_module_is_told_layer_by_layer_and_shared_weights_count_once():
    weight = Tensor(2, 8)
    net = Sequential(a=Linear([weight, Tensor(2)]), b=Module(), c=Linear([weight]))
    found = describe_module(net, "Model.net")
    assert layers_of(found) == [("a", "Linear", 18), ("b", "Module", 0), ("c", "Linear", 0)]
    assert found["architecture"] == "sequential"


def test_a_lazy_module_that_was_never_asked_is_told_without_a_number():
    found = describe_module(Sequential(a=Linear([UninitializedParameter()])), "Model.net")
    (layer,) = found["layers"]
    assert (layer["type"], layer["weight_shapes"]) == ("Linear", [])
    assert (found["parameters"], found["memory_bytes"]) == (None, 0)


def test_a_quantized_layer_has_the_weights_that_it_was_packed_from():
    found = describe_module(Sequential(a=DynamicLinear(), b=Module()), "Model.net")
    assert layers_of(found) == [("a", "DynamicLinear", 18), ("b", "Module", 0)]
    assert (found["parameters"], found["trainable"], found["depth"]) == (18, 0, 1)


def test_a_frozen_script_has_the_constants_of_its_code_as_parameters():
    found = describe_module(Frozen(), "Model.net")
    assert (found["type"], found["architecture"]) == ("Sequential", "sequential")
    assert found["parameters"] == 16 + 2 + 3


def test_a_state_without_a_module_is_told_tensor_by_tensor():
    class Model:
        def __init__(self):
            self.state = {"head.weight": Tensor(2, 8), "head.bias": Tensor(2)}

    found = describe_tensors(find_tensors(Model()), "Model")
    assert (found["framework"], found["type"], found["parameters"]) == ("pytorch", "tensors", 18)
    assert layers_of(found) == [
        ("Model.state['head.weight']", "torch.float32", 16),
        ("Model.state['head.bias']", "torch.float32", 2),
    ]
