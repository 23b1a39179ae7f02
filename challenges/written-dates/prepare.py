"""Makes the written-dates challenge: its cases, from a grammar and a fixed seed.

Python's own generator and calendar are all that it needs, so the bytes are the same everywhere.
"""

import argparse
import csv
import datetime
import json
import random
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = 0
ITEMS = 30
CASES = {
    "hidden": ("numbers", "words", "misspelled") * 3,
    "sample": ("numbers", "words", "misspelled"),
}
FIRST_DAY, N_DAYS = datetime.date(1900, 1, 1), 73_049
MONTHS = "January February March April May June July August September October November December"
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first"
    " twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh"
    " twenty-eighth twenty-ninth thirtieth thirty-first"
)


def main() -> None:
    """Prepare the challenge in its own folder, or a complete copy of it elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="make a complete copy here")
    out = parser.parse_args().out.resolve()
    if out != HERE:
        ignore = shutil.ignore_patterns("data", "__pycache__")
        shutil.copytree(HERE, out, ignore=ignore, dirs_exist_ok=True)
    shutil.rmtree(out / "data", ignore_errors=True)
    draw = random.Random(SEED)
    for split, kinds in CASES.items():
        write_split(out / "data" / split, split, kinds, draw)
    print(f"written-dates: ready in {out}")


def write_split(folder, split, kinds, draw):
    """Write texts, dates and cases.csv of one split."""
    for half in ("inputs", "reference"):
        (folder / half).mkdir(parents=True)
    with (folder / "cases.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["case", "kind"])
        for number, kind in enumerate(kinds, 1):
            case = f"{split}-{number}"
            days = [
                FIRST_DAY + datetime.timedelta(days=draw.randrange(N_DAYS)) for _ in range(ITEMS)
            ]
            texts = [written(day, kind, draw) for day in days]
            dump(folder / "inputs" / f"{case}.json", texts)
            dump(folder / "reference" / f"{case}.json", [day.isoformat() for day in days])
            writer.writerow([case, kind])


def written(day, kind, draw):
    """Write a day as somebody might."""
    if kind == "numbers":
        forms = (
            "{d}.{m}.{y}",
            "{d:02}/{m:02}/{y}",
            "{y}-{m:02}-{d:02}",
            "{d}-{m}-{y}",
            "{y}{m:02}{d:02}",
        )
    else:
        forms = (
            "{d} {month} {y}",
            "{month} {d}{th}, {y}",
            "the {ordinal} of {month} {y}",
            "{month} {y}, the {d}{th}",
        )
    text = draw.choice(forms).format(
        d=day.day,
        m=day.month,
        y=day.year,
        th=suffix(day.day),
        month=MONTHS.split()[day.month - 1],
        ordinal=ORDINALS.split()[day.day - 1],
    )
    return misspelled(text, MONTHS.split()[day.month - 1], draw) if kind == "misspelled" else text


def suffix(day):
    """Return what follows a day in digits."""
    if day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def misspelled(text, month, draw):
    """Lose or double one letter of the month, but not its first."""
    at = draw.randrange(1, len(month))
    wrong = month[:at] + draw.choice(("", month[at] * 2)) + month[at + 1 :]
    return text.replace(month, wrong)


def dump(path, texts):
    """Write texts as JSON."""
    path.write_text(json.dumps(texts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
