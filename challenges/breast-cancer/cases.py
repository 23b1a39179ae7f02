"""Deals the masses into cases and writes them: hidden, sample, and a public training set."""

import csv

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, train_test_split

SPLIT_SEED = 0
HIDDEN_CASES, SAMPLE_CASES, SAMPLE_ROWS = 4, 2, 10


def make_cases(data):
    """Write everything under `data`; return the public rows and labels to train on."""
    bunch = load_breast_cancer()
    columns = [str(name).replace(" ", "_") for name in bunch.feature_names]
    rows, labels = bunch.data, bunch.target.astype(np.int64)
    public, hidden = train_test_split(
        np.arange(len(labels)), train_size=285, stratify=labels, random_state=SPLIT_SEED
    )
    deal = StratifiedKFold(HIDDEN_CASES, shuffle=True, random_state=SPLIT_SEED)
    for number, (_, chosen) in enumerate(deal.split(hidden, labels[hidden]), 1):
        write_case(data / "hidden", f"hidden-{number}", columns, rows, labels, hidden[chosen])
    shown = np.concatenate([public[labels[public] == kind][:SAMPLE_ROWS] for kind in (0, 1)])
    for number in range(SAMPLE_CASES):
        chosen = shown[number::SAMPLE_CASES]
        write_case(data / "sample", f"sample-{number + 1}", columns, rows, labels, chosen)
    write_case(data / "train", "train", columns, rows, labels, public)
    print(f"breast-cancer: {len(public)} public masses, {len(hidden)} hidden")
    return rows[public], labels[public]


def write_case(folder, case, columns, rows, labels, chosen):
    """Write a table and its diagnoses."""
    for half in ("inputs", "reference"):
        (folder / half).mkdir(parents=True, exist_ok=True)
    with (folder / "inputs" / f"{case}.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([repr(float(value)) for value in rows[index]] for index in chosen)
    np.save(folder / "reference" / f"{case}.npy", labels[chosen])
