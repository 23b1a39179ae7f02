"""Makes the breast-cancer challenge: its cases, a public training set and the baselines' weights.

Everything comes from the copy of the data that scikit-learn ships; nothing is downloaded. The
same library versions always make the same bytes.
"""

import argparse
import shutil
from pathlib import Path

from cases import make_cases
from train import train_baselines

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Prepare the challenge in its own folder, or a complete copy of it elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="make a complete copy here")
    out = parser.parse_args().out.resolve()
    if out != HERE:
        ignore = shutil.ignore_patterns("data", "weights", "__pycache__")
        shutil.copytree(HERE, out, ignore=ignore, dirs_exist_ok=True)
    shutil.rmtree(out / "data", ignore_errors=True)
    rows, labels = make_cases(out / "data")
    train_baselines(rows, labels, out / "baselines")
    print(f"breast-cancer: ready in {out}")


if __name__ == "__main__":
    main()
