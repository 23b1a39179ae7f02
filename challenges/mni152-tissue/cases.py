"""Images the blocks and writes them as cases: hidden, public to train on, and a sample."""

import csv

import nibabel
import numpy as np
from scanners import SCANNERS, scan
from template import cut_blocks, load_tissues

SEED = 0
COLUMNS = ["case", "group", "scanner"]


def make_cases(data):
    """Write everything under `data`; return the public (image, labels) pairs to train on."""
    print("mni152-tissue: loading the templates at 2 mm")
    tissues = load_tissues()
    random = np.random.default_rng(SEED)
    scans = {scanner: scan(scanner, tissues, random) for scanner in SCANNERS}
    blocks = cut_blocks(tissues)
    hidden = assign_scanners([block for block in blocks if block.is_hidden])
    public = assign_scanners([block for block in blocks if not block.is_hidden])
    print(f"mni152-tissue: {len(public)} public blocks, {len(hidden)} hidden")
    write_split(data / "hidden", hidden, scans, tissues)
    write_split(data / "train", public, scans, tissues)
    sample = [next(case for case in public if case[1] == scanner) for scanner in SCANNERS]
    write_split(data / "sample", sample, scans, tissues)
    return [
        (scans[scanner][block.slices], tissues.labels[block.slices]) for block, scanner in public
    ]


def assign_scanners(blocks):
    """Give the two mirror images of a region two scanners, each scanner a third of the blocks.

    The template is symmetric, so both show the same anatomy: what differs between the two
    scores of a region is the scanner.
    """
    cases = []
    for turn in range(len(blocks) // 2):
        left, right = blocks[2 * turn : 2 * turn + 2]
        cases.append((left, SCANNERS[turn % 3]))
        cases.append((right, SCANNERS[(turn + 1) % 3]))
    return cases


def write_split(folder, cases, scans, tissues):
    """Write the inputs, the reference and cases.csv of one split."""
    for name in ("inputs", "reference"):
        (folder / name).mkdir(parents=True)
    with (folder / "cases.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for block, scanner in cases:
            affine = block.affine(tissues.affine)
            name = f"{block.name}.nii.gz"
            write_volume(folder / "inputs" / name, scans[scanner][block.slices], affine)
            write_volume(folder / "reference" / name, tissues.labels[block.slices], affine)
            writer.writerow([block.name, block.region, scanner])
    print(f"mni152-tissue: {folder.name}: {len(cases)} cases")


def write_volume(path, data, affine):
    """Write one block on its place in MNI space."""
    image = nibabel.Nifti1Image(np.ascontiguousarray(data), affine)
    image.header.set_xyzt_units("mm")
    image.to_filename(path)
