"""An `.onnx` file as a model: what it takes and gives, how that fits a case, and how it is asked.

`signature` reads names, types and shapes from the file with the standard library alone, so that a
participant is told what does not fit before anything is sent. `binding` says which input and output
of a task is which of the graph. `arrays` brings values into the shape that the graph wants and
back. `model` puts them together as the `Model` of a folder that holds `model.onnx` and no
`model.py`.
"""

GRAPH = "model.onnx"
"""The file by this name is a whole model, in a folder without `model.py`."""
