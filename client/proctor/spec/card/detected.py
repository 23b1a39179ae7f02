"""What is found out about a model by looking at it: measured, never stated.

The engine looks at the loaded model inside the sandbox and writes ``/output/metadata.json``; the
worker reads that file with limits and adds the sizes, which it measures itself. The program that
writes the file shares a process with the model's own code, so what it tells of the model is
evidence and no proof; sizes and digests are the worker's own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from proctor.spec.base import Spec

METADATA_FILE = "metadata.json"
MOST_METADATA_BYTES = 2 << 20

_Word = Annotated[str, Field(max_length=200)]
_Words = Annotated[str, Field(max_length=1000)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Shape = Annotated[tuple[int | None, ...], Field(max_length=16)]
Scalar = bool | int | float | _Words | None
"""A setting as JSON has it; anything else as the text that Python prints."""


class Hyperparameter(Spec):
    """One setting of a model or of a step before it, beside what its class has by default."""

    name: _Word
    value: Scalar
    default: Scalar = None
    is_default: bool | None = Field(None, description="none where the class tells no default")


class DetectedStep(Spec):
    """One step of a pipeline, from the data to the answer; a step inside another has its path."""

    path: _Words = Field(description="such as preprocess/numeric/scale")
    type: _Word
    hyperparameters: tuple[Hyperparameter, ...] = Field((), max_length=300)
    parameters: _Count | None = None


class DetectedLayer(Spec):
    """One layer of a network, or one node of a graph."""

    name: _Words
    type: _Word
    shape: _Shape = Field((), description="of what it makes, null where it varies")
    weight_shapes: tuple[_Shape, ...] = Field((), max_length=32)
    parameters: _Count = 0
    trainable: _Count | None = None
    activation: _Word = ""
    inputs: tuple[_Words, ...] = Field(
        (), max_length=256, description="names of the tensors, or of the layers, that it reads"
    )
    outputs: tuple[_Words, ...] = Field(
        (), max_length=256, description="names of the tensors that it makes; else its own name"
    )
    settings: tuple[Hyperparameter, ...] = Field(
        (), max_length=64, description="such as kernel size and stride"
    )


class DetectedTensor(Spec):
    """One input or output of a graph."""

    name: _Words
    type: _Word = ""
    shape: tuple[int | _Word | None, ...] = Field((), max_length=16)


class DetectedModel(Spec):
    """One trained object that the program holds, or one file that describes itself."""

    source: _Words = Field(description="where it was found: an attribute or a file")
    from_file: bool = Field(False, description="read from a file, not from the loaded model")
    framework: _Word = Field(description="scikit-learn, pytorch, keras, onnx, xgboost, …")
    framework_version: _Word = ""
    type: _Word = Field(description="its class, or its kind of file")
    architecture: _Word = Field("", description="such as pipeline, graph, sequential")
    task: _Word = Field("", description="classification, regression, … where the object tells")
    deep_learning: bool | None = None
    inputs: tuple[DetectedTensor, ...] = Field((), max_length=64)
    outputs: tuple[DetectedTensor, ...] = Field((), max_length=64)
    classes: _Count | None = None
    features: _Count | None = None
    parameters: _Count | None = None
    trainable: _Count | None = None
    depth: _Count | None = Field(None, description="layers with parameters; levels of a tree")
    layers: tuple[DetectedLayer, ...] = Field((), max_length=5000)
    layer_counts: dict[_Word, _Count] = Field(default_factory=dict, max_length=500)
    activation_counts: dict[_Word, _Count] = Field(default_factory=dict, max_length=200)
    optimizer: _Word = ""
    loss: _Word = ""
    epochs: _Count | None = Field(None, description="or iterations until it had converged")
    hyperparameters: tuple[Hyperparameter, ...] = Field((), max_length=500)
    steps: tuple[DetectedStep, ...] = Field((), max_length=200)
    memory_bytes: _Count | None = Field(None, description="of its parameters")
    truncated: bool = Field(False, description="there are more layers or settings than are kept")


class DetectedPackage(Spec):
    """One installed distribution, as its own metadata say."""

    name: _Word
    version: _Word = ""
    license: _Word = Field("", description="SPDX expression where it says one")


class WeightFile(Spec):
    """One file of the model that is neither code nor text."""

    path: Annotated[str, Field(max_length=512)]
    bytes: _Count
    format: _Word = Field("", description="what its name says that it is")
    unpickled: bool = Field(False, description="reading it runs code; it is read in a sandbox only")


class DetectedMetadata(Spec):
    """What was measured of one submission or folder."""

    format: Literal[1] = 1
    detector: _Word = Field("", description="the version of Proctor that looked")
    python: _Word = ""
    platform: _Word = Field("", description="operating system and architecture")
    models: tuple[DetectedModel, ...] = Field((), max_length=64)
    packages: tuple[DetectedPackage, ...] = Field((), max_length=2000)
    load_s: float | None = Field(None, ge=0, description="seconds to load the model")
    card_name: _Word = Field("", description="that the card inside the container gives")
    image_bytes: _Count | None = Field(None, description="of the image; the runtime's for a folder")
    folder_bytes: _Count | None = Field(None, description="of the model folder")
    weights_bytes: _Count | None = Field(None, description="of all weight files")
    weights: tuple[WeightFile, ...] = Field((), max_length=2000)
    problems: tuple[_Words, ...] = Field(
        (), max_length=64, description="what could not be found out, and why"
    )

    @property
    def main(self) -> DetectedModel | None:
        """Return the model that says most: loaded before a file, then the most parameters."""
        return max(
            self.models, key=lambda one: (not one.from_file, one.parameters or 0), default=None
        )

    @property
    def parameters(self) -> int | None:
        """Return the parameters of all loaded models, or of all files where none is loaded."""
        loaded = [one for one in self.models if not one.from_file] or list(self.models)
        known = [one.parameters for one in loaded if one.parameters is not None]
        return sum(known) if known else None
