"""Makes the breast-cancer challenge: its cases, a public training set and the baselines' weights.

Everything comes from the copy of the data that scikit-learn ships; nothing is downloaded. The
same library versions always make the same bytes.
"""

import argparse
import hashlib
import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = ("prepare.py", "cases.py", "train.py")
LIBRARIES = ("numpy", "scikit-learn")
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
        print(f"breast-cancer: up to date in {out}")
        return
    if out != HERE:
        copy_sources(out)
    shutil.rmtree(out / "data", ignore_errors=True)
    build(out)
    stamp["files"] = sorted(
        str(path.relative_to(out))
        for folder in (out / "data", *out.glob("baselines/*/weights"))
        for path in folder.rglob("*")
        if path.is_file()
    )
    (out / STAMP).write_text(json.dumps(stamp, indent=2) + "\n")
    print(f"breast-cancer: ready in {out}")


def build(out):
    """Make data and weights. The libraries take seconds to import, so only here."""
    from cases import make_cases
    from train import train_baselines

    rows, labels = make_cases(out / "data")
    train_baselines(rows, labels, out / "baselines")


def copy_sources(out):
    """Copy what is under version control; what is made is made again."""
    ignore = shutil.ignore_patterns("data", "weights", "__pycache__")
    shutil.copytree(HERE, out, ignore=ignore, dirs_exist_ok=True)


def current_stamp():
    """Say what the result depends on: this code and the libraries."""
    sources = b"".join((HERE / name).read_bytes() for name in SOURCES)
    return {
        "sources": hashlib.sha256(sources).hexdigest(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        **{library: version(library) for library in LIBRARIES},
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
