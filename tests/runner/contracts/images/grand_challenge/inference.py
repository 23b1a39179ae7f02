"""An algorithm as the pack that Grand Challenge gives out writes it."""

import json
import re
from glob import glob
from pathlib import Path

import numpy as np

INPUT_PATH = Path("/input")
OUTPUT_PATH = Path("/output")
MODEL_PATH = Path("/opt/ml/model")


def run():
    # The key is a tuple of the slugs of the input sockets
    interface_key = get_interface_key()
    handler = {
        ("brain-mri",): interf0_handler,
        ("brain-mri", "patient"): interf0_handler,
    }[interface_key]
    return handler()


def interf0_handler():
    header, voxels = load_image_file(location=INPUT_PATH / "images/brain-mri")
    if voxels.min() < 0:
        raise ValueError("there is nothing below zero in my world")
    threshold = 50
    if (MODEL_PATH / "threshold.txt").exists():
        threshold = int((MODEL_PATH / "threshold.txt").read_text())
    mask = (voxels > threshold).astype("uint8")
    write_image(OUTPUT_PATH / "images/lesions", header, mask)
    age = load_json_file(location=INPUT_PATH / "patient.json")["age"] \
        if (INPUT_PATH / "patient.json").exists() else 0
    write_json_file(location=OUTPUT_PATH / "risk.json", content={"risks": [mask.mean(), age]})
    return 0


def get_interface_key():
    inputs = load_json_file(location=INPUT_PATH / "inputs.json")
    socket_slugs = [sv["interface"]["slug"] for sv in inputs]
    return tuple(sorted(socket_slugs))


def load_json_file(*, location):
    with open(location, "r") as f:
        return json.loads(f.read())


def write_json_file(*, location, content):
    with open(location, "w") as f:
        f.write(json.dumps(content, indent=4))


def load_image_file(*, location):
    # Use SimpleITK or the like to read a file; here by hand
    input_files = glob(str(location / "*.tif")) + glob(str(location / "*.mha"))
    content = Path(input_files[0]).read_bytes()
    end = content.index(b"LOCAL\n") + len(b"LOCAL\n")
    header = content[:end].decode()
    size = [int(n) for n in re.search(r"DimSize = (.*)", header).group(1).split()]
    kind = {"MET_SHORT": "<i2", "MET_UCHAR": "u1"}[re.search(r"ElementType = (.*)", header).group(1)]
    return header, np.frombuffer(content[end:], dtype=kind).reshape(size, order="F")


def write_image(location, header, array):
    location.mkdir(parents=True, exist_ok=True)
    header = re.sub(r"ElementType = .*", "ElementType = MET_UCHAR", header)
    with open(location / "output.mha", "wb") as f:
        f.write(header.encode() + array.tobytes(order="F"))


if __name__ == "__main__":
    raise SystemExit(run())
