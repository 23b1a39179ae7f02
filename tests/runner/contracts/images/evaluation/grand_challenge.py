"""An evaluation as the pack that Grand Challenge gives out writes it."""

import json
import re
from glob import glob
from pathlib import Path
from statistics import mean

import nibabel
import numpy as np

INPUT_DIRECTORY = Path("/input")
OUTPUT_DIRECTORY = Path("/output")
GROUND_TRUTH_DIRECTORY = Path("/opt/ml/input/data/ground_truth")


def main():
    predictions = read_predictions()
    results = [process(job) for job in predictions]
    aggregates = {"dice": mean(one["dice"] for one in results), "cases": len(results)}
    write_metrics(metrics={"results": results, "aggregates": aggregates})
    return 0


def process(job):
    location = get_file_location(job_pk=job["pk"], values=job["outputs"], slug="lesions")
    mask = load_image_file(location=location) > 0
    # Whose ground truth it is says the name of the input image
    name = next(one["image"]["name"] for one in job["inputs"])
    truth = nibabel.load(GROUND_TRUTH_DIRECTORY / name.replace(".mha", ".nii.gz"))
    truth = np.asarray(truth.dataobj) > 0
    return {"pk": job["pk"], "dice": float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))}


def read_predictions():
    with open(INPUT_DIRECTORY / "predictions.json") as f:
        return json.loads(f.read())


def get_file_location(*, job_pk, values, slug):
    for value in values:
        if value["interface"]["slug"] == slug:
            return INPUT_DIRECTORY / job_pk / "output" / value["interface"]["relative_path"]
    raise RuntimeError(f"Value with interface {slug} not found!")


def load_image_file(*, location):
    (path,) = glob(str(location / "*.mha"))
    content = Path(path).read_bytes()
    end = content.index(b"LOCAL\n") + len(b"LOCAL\n")
    size = [int(n) for n in re.search(r"DimSize = (.*)", content[:end].decode()).group(1).split()]
    return np.frombuffer(content[end:], dtype="u1").reshape(size, order="F")


def write_metrics(*, metrics):
    with open(OUTPUT_DIRECTORY / "metrics.json", "w") as f:
        f.write(json.dumps(metrics, indent=4))


if __name__ == "__main__":
    raise SystemExit(main())
