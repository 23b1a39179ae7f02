"""A model container of MedPerf: its task is its first argument."""

import json
import os
import sys

import nibabel
import numpy as np


def infer(data_path, parameters_file, additional_files, output_path):
    with open(parameters_file) as f:
        # A YAML reader takes JSON as well; this container has the standard library's alone
        threshold = json.load(f)["threshold"]
    shift = 0
    if os.path.isdir(additional_files):
        shift = int(open(os.path.join(additional_files, "weights.txt")).read())
    image = nibabel.load(os.path.join(data_path, "case_t1.nii.gz"))
    if np.asarray(image.dataobj).min() < 0:
        raise ValueError("there is nothing below zero in my world")
    mask = (np.asarray(image.dataobj) > threshold + shift).astype("uint8")
    os.makedirs(os.path.join(output_path, "predictions"), exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(mask, image.affine),
                 os.path.join(output_path, "predictions", "brats.nii.gz"))


if __name__ == "__main__":
    assert sys.argv[1] == "infer", sys.argv
    assert os.environ["FLAVOR"] == "mild", os.environ
    infer("/mlcommons/volumes/data", "/mlcommons/volumes/parameters/parameters.yaml",
          "/mlcommons/volumes/weights", "/mlcommons/volumes/predictions")
