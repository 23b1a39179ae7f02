"""Makes the digits challenge: its cases, a public training set and the baselines' weights.

Everything comes from the copy of the digits that scikit-learn ships; nothing is downloaded. The
same library versions always make the same bytes.
"""

import argparse
import csv
import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from train import train_baselines

HERE = Path(__file__).resolve().parent
SPLIT_SEED = 0
CASES_PER_STRATUM = {"light": 3, "medium": 4, "heavy": 3}
SAMPLE_CASES, SAMPLE_IMAGES_PER_DIGIT = 2, 1
STAMP = Path("data") / "prepared.json"


def main() -> None:
    """Prepare the challenge in its own folder, or a complete copy of it elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="make a complete copy here")
    parser.add_argument("--force", action="store_true", help="make it again even if up to date")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    stamp = current_stamp()
    if not arguments.force and is_up_to_date(out, stamp):
        print(f"digits: up to date in {out}")
        return
    if out != HERE:
        copy_sources(out)
    shutil.rmtree(out / "data", ignore_errors=True)

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    public, hidden = train_test_split(
        np.arange(len(labels)), test_size=0.5, stratify=labels, random_state=SPLIT_SEED
    )
    print(f"digits: {len(public)} public images, {len(hidden)} hidden")
    random = np.random.default_rng(SPLIT_SEED)
    write_split(out / "data/hidden", hidden_cases(hidden, images, labels, random), images, labels)
    write_split(out / "data/sample", sample_cases(public, labels, random), images, labels)
    write_training_set(out / "data/train", images[public], labels[public])
    train_baselines(images[public], labels[public], out / "baselines")
    stamp["files"] = sorted(
        str(path.relative_to(out))
        for folder in (out / "data", *out.glob("baselines/*/weights"))
        for path in folder.rglob("*")
        if path.is_file()
    )
    (out / STAMP).write_text(json.dumps(stamp, indent=2) + "\n")
    print(f"digits: ready in {out}")


def hidden_cases(hidden, images, labels, random):
    """Deal the hidden images into ten cases by how much ink they hold.

    Ink is ranked within each digit: a stratum is a way of writing, not a choice of digits.
    Within a stratum each digit is dealt round, so that every case holds all ten.
    """
    cases = {
        f"{name}-{n + 1}": [] for name, count in CASES_PER_STRATUM.items() for n in range(count)
    }
    total, start = sum(CASES_PER_STRATUM.values()), 0
    for stratum, count in CASES_PER_STRATUM.items():
        turn = 0
        for digit in range(10):
            members = hidden[labels[hidden] == digit]
            members = members[np.argsort(images[members].sum(axis=(1, 2)), kind="stable")]
            low, high = (round(len(members) * edge / total) for edge in (start, start + count))
            for image in random.permutation(members[low:high]):
                cases[f"{stratum}-{turn % count + 1}"].append(int(image))
                turn += 1
        start += count
    return [
        (case, case.rsplit("-", 1)[0], random.permutation(members))
        for case, members in cases.items()
    ]


def sample_cases(public, labels, random):
    """Take a few public images of each digit, so that a first try sees every class."""
    chosen = [
        random.choice(public[labels[public] == digit], SAMPLE_CASES, replace=False)
        for digit in range(10)
    ]
    return [
        (f"sample-{n + 1}", "mixed", random.permutation([digit[n] for digit in chosen]))
        for n in range(SAMPLE_CASES)
    ]


def write_split(folder, cases, images, labels):
    """Write the inputs, the reference and cases.csv of one split."""
    for name in ("inputs", "reference"):
        (folder / name).mkdir(parents=True)
    with (folder / "cases.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["case", "ink"])
        for case, stratum, members in cases:
            np.save(folder / "inputs" / f"{case}.npy", images[members])
            np.save(folder / "reference" / f"{case}.npy", labels[members])
            writer.writerow([case, stratum])
    sizes = ", ".join(str(len(members)) for _, _, members in cases)
    print(f"digits: {folder.name}: {len(cases)} cases of {sizes} images")


def write_training_set(folder, images, labels):
    """Write the public half for participants to train on."""
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)


def copy_sources(out):
    """Copy what is under version control; what is made is made again."""
    ignore = shutil.ignore_patterns("data", "weights", "__pycache__")
    shutil.copytree(HERE, out, ignore=ignore, dirs_exist_ok=True)


def current_stamp():
    """Say what the result depends on: this code and the libraries."""
    sources = b"".join((HERE / name).read_bytes() for name in ("prepare.py", "train.py"))
    return {
        "sources": hashlib.sha256(sources).hexdigest(),
        "numpy": np.__version__,
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
