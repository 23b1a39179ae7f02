"""Deals the digits into cases and writes them: hidden, sample, and a public training set."""

import csv

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SPLIT_SEED = 0
CASES_PER_STRATUM = {"light": 3, "medium": 4, "heavy": 3}
SAMPLE_CASES = 2


def make_cases(data):
    """Write everything under `data`; return the public images and labels to train on."""
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    public, hidden = train_test_split(
        np.arange(len(labels)), test_size=0.5, stratify=labels, random_state=SPLIT_SEED
    )
    print(f"digits: {len(public)} public images, {len(hidden)} hidden")
    random = np.random.default_rng(SPLIT_SEED)
    write_split(data / "hidden", hidden_cases(hidden, images, labels, random), images, labels)
    write_split(data / "sample", sample_cases(public, labels, random), images, labels)
    write_training_set(data / "train", images[public], labels[public])
    return images[public], labels[public]


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
