"""Makes the MNI152 tissue challenge: its blocks, a public training set and the forest's weights.

Everything comes from the templates that nilearn ships; nothing is downloaded. The same library
versions always make the same bytes.
"""

import argparse
import csv
import hashlib
import json
import shutil
import sys
from pathlib import Path

import nibabel
import nilearn
import numpy as np
import sklearn
from scanners import SCANNERS, scan
from template import cut_blocks, load_tissues
from train import train_forest

HERE = Path(__file__).resolve().parent
SEED = 0
SOURCES = ("prepare.py", "scanners.py", "template.py", "train.py")
STAMP = Path("data") / "prepared.json"
COLUMNS = ["case", "group", "scanner"]


def main() -> None:
    """Prepare the challenge in its own folder, or a complete copy of it elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="make a complete copy here")
    parser.add_argument("--force", action="store_true", help="make it again even if up to date")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    stamp = current_stamp()
    if not arguments.force and is_up_to_date(out, stamp):
        print(f"mni152-tissue: up to date in {out}")
        return
    if out != HERE:
        copy_sources(out)
    shutil.rmtree(out / "data", ignore_errors=True)

    print("mni152-tissue: loading the templates at 2 mm")
    tissues = load_tissues()
    random = np.random.default_rng(SEED)
    scans = {scanner: scan(scanner, tissues, random) for scanner in SCANNERS}
    blocks = cut_blocks(tissues)
    hidden = assign_scanners([block for block in blocks if block.is_hidden])
    public = assign_scanners([block for block in blocks if not block.is_hidden])
    print(f"mni152-tissue: {len(public)} public blocks, {len(hidden)} hidden")
    write_split(out / "data/hidden", hidden, scans, tissues)
    write_split(out / "data/train", public, scans, tissues)
    sample = [next(case for case in public if case[1] == scanner) for scanner in SCANNERS]
    write_split(out / "data/sample", sample, scans, tissues)
    train_forest(
        [(scans[scanner][block.slices], tissues.labels[block.slices]) for block, scanner in public],
        out / "baselines",
    )
    stamp["files"] = sorted(
        str(path.relative_to(out))
        for folder in (out / "data", *out.glob("baselines/*/weights"))
        for path in folder.rglob("*")
        if path.is_file()
    )
    (out / STAMP).write_text(json.dumps(stamp, indent=2) + "\n")
    print(f"mni152-tissue: ready in {out}")


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


def copy_sources(out):
    """Copy what is under version control; what is made is made again."""
    ignore = shutil.ignore_patterns("data", "weights", "__pycache__")
    shutil.copytree(HERE, out, ignore=ignore, dirs_exist_ok=True)


def current_stamp():
    """Say what the result depends on: this code and the libraries."""
    sources = b"".join((HERE / name).read_bytes() for name in SOURCES)
    return {
        "sources": hashlib.sha256(sources).hexdigest(),
        "numpy": np.__version__,
        "nilearn": nilearn.__version__,
        "scikit-learn": sklearn.__version__,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }


def is_up_to_date(out, stamp):
    """Tell whether an earlier run made everything with this code and these libraries."""
    try:
        made = json.loads((out / STAMP).read_text())
    except FileNotFoundError:
        return False
    files = made.pop("files")
    return made == stamp and all((out / file).is_file() for file in files)


if __name__ == "__main__":
    main()
