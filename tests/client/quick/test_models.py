"""Models in memory: written as folders, submitted, and opened in a sandbox alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

import proctor
from proctor.cli.new_challenge import new_challenge
from proctor_runner.challenge_folder import load_challenge
from proctor_runner.local import run_local

SCALE = 255.0
TABLE = np.arange(256)


class Brightness(BaseEstimator, TransformerMixin):
    """A step that is installed nowhere but here."""

    def fit(self, images: Any, labels: Any = None) -> Brightness:
        return self

    def transform(self, images: Any) -> Any:
        return scaled(images).reshape(len(images), -1).mean(axis=1, keepdims=True)


def scaled(images: Any) -> Any:
    return np.asarray(images, dtype=float) / SCALE


def cropped(inputs: Any) -> Any:
    return inputs["images"][:, 1:-1, 1:-1]


def looked_up(inputs: Any) -> Any:
    return TABLE[inputs["images"]]


def turned(answer: Any, inputs: Any) -> Any:
    assert set(inputs) == {"images"}
    return answer[:, ::-1]


def guess(inputs: Any) -> Any:
    bright = 1 / (1 + np.exp(115 - inputs["images"].mean(axis=(1, 2))))
    return np.stack([1 - bright, bright], axis=1)


class Trap:
    """Leaves a mark wherever it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def predict(self, images: Any) -> Any:
        return np.full((len(images), 2), 0.5)

    def __setstate__(self, state: Any) -> None:
        open(state["mark"], "w").close()
        self.__dict__.update(state)


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A made-up challenge for each task."""
    place = tmp_path_factory.mktemp("exams")
    for task in ("classification", "segmentation", "regression"):
        new_challenge(place / task, task, task)
    return {path.name: path for path in place.iterdir()}


def public(exam: Path, half: str, name: str = "hidden-{}.npy") -> Any:
    paths = [exam / "data" / "hidden" / half / name.format(number) for number in range(1, 7)]
    return np.concatenate([np.load(path) for path in paths])


def table(file: Path) -> np.ndarray:
    return np.loadtxt(file, delimiter=",", skiprows=1)


def sample(exam: Path, half: str) -> Any:
    return np.load(exam / "data" / "sample" / half / "sample-1.npy")


def pipeline_of(exam: Path) -> Any:
    pipeline = make_pipeline(Brightness(), GaussianNB())
    return pipeline.fit(public(exam, "inputs")[:, 1:-1, 1:-1], public(exam, "reference"))


def test_a_pipeline_takes_its_steps_along_as_text_and_its_versions(
    exams: dict[str, Path], tmp_path: Path
) -> None:
    pipeline = pipeline_of(exams["classification"])
    folder = proctor.write_model(tmp_path / "model", pipeline, cropped, title="Mean brightness")
    files = {path.name for path in folder.iterdir()}
    assert files == {"model.json", "model.py", "model.pickle", "own_code.py", "versions.json"}
    versions = json.loads((folder / "versions.json").read_text())
    assert list(versions) == ["python", "numpy", "scikit-learn"]
    text = (folder / "own_code.py").read_text()
    assert text.index("SCALE = 255.0") < text.index("def scaled") < text.index("class Brightness")
    card = json.loads((folder / "model.json").read_text())
    assert (card["name"], card["title"]) == ("mean-brightness", "Mean brightness")
    assert card["model"] == {"algorithm": "GaussianNB", "framework": "scikit-learn"}


def test_a_function_is_a_model_that_the_sandbox_scores(
    exams: dict[str, Path], tmp_path: Path
) -> None:
    folder = proctor.write_model(tmp_path / "model", guess, title='"""\nBright')
    assert not (folder / "model.pickle").exists()
    assert list(json.loads((folder / "versions.json").read_text())) == ["python", "numpy"]
    (report,) = run_local(exams["classification"], folder, sandbox="process")
    assert report.scores is not None, b"".join(report.logs.values()).decode()
    accuracy = next(one for one in report.scores.aggregates if one.metric == "accuracy")
    assert accuracy.value > 0.9


def test_what_is_written_answers_as_it_does_here(
    exams: dict[str, Path], tmp_path: Path, ask_models: Any
) -> None:
    classify, segment, measure = (
        exams[name] for name in ("classification", "segmentation", "regression")
    )
    images = public(classify, "inputs").reshape(72, -1)
    classifier = LogisticRegression(max_iter=2000).fit(images, public(classify, "reference"))
    named = LogisticRegression(max_iter=2000)
    named.fit(images, np.array(["1", "0"])[public(classify, "reference")])
    regression = Ridge(1000.0)
    regression.fit(public(measure, "inputs").reshape(72, -1), public(measure, "reference"))
    voxels = GaussianNB().fit(np.array([[100.0], [101.0], [160.0], [161.0]]), [0, 0, 1, 1])
    made = {
        "pipeline": (classify, pipeline_of(classify), {"preprocess": cropped}),
        "flat": (classify, classifier, {}),
        "named": (classify, named, {}),
        "turned": (classify, classifier, {"postprocess": turned}),
        "numbers": (measure, regression, {}),
        "voxels": (segment, voxels, {}),
    }
    found = dict(
        zip(
            made,
            ask_models(
                [
                    (exam, proctor.write_model(tmp_path / name, model, **options))
                    for name, (exam, model, options) in made.items()
                ]
            ),
            strict=True,
        )
    )
    shown = sample(classify, "inputs")
    expected = classifier.predict_proba(shown.reshape(12, -1))
    np.testing.assert_allclose(table(found["flat"].file), expected)
    np.testing.assert_allclose(table(found["turned"].file), expected[:, ::-1])
    # The class of each column is told by its name: "0" was the bright one.
    assert (table(found["named"].file).argmax(axis=1) != expected.argmax(axis=1)).all()
    expected = pipeline_of(classify).predict_proba(cropped({"images": shown}))
    np.testing.assert_allclose(table(found["pipeline"].file), expected)
    numbers = regression.predict(sample(measure, "inputs").reshape(12, -1))
    np.testing.assert_allclose(table(found["numbers"].file), numbers)
    scan = nibabel.load(segment / "data/sample/inputs/sample-1.nii.gz").get_fdata()
    mask = np.asanyarray(nibabel.load(found["voxels"].file).dataobj)
    assert (mask == (scan > 130.5)).mean() > 0.999


def test_a_model_is_unpickled_in_the_sandbox_and_nowhere_before(
    exams: dict[str, Path],
    platform: Any,
    problem: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ask_models: Any,
) -> None:
    exam, mark = exams["classification"], tmp_path / "mark"
    monkeypatch.setenv("PROCTOR_HOST", platform.url)
    monkeypatch.setenv("PROCTOR_TOKEN", "tok_a.b")
    for name in ("PROCTOR_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    view = {
        "challenge": load_challenge(exam).model_dump(mode="json", by_alias=True),
        "version": 1,
        "published_at": "2026-03-01T12:00:00Z",
        "organizers": ["olga"],
        "tasks": {},
        "runtimes": {},
        "joined": True,
        "organizer": False,
    }
    platform.on("GET /challenges/exam", (200, view))
    platform.on("POST /submissions", (422, problem(422, "FOLDER_REJECTED", "Not today.")))
    with pytest.raises(proctor.ApiError, match="Not today"):
        proctor.submit(Trap(str(mark)), cropped, challenge="exam")
    sent = platform.made("POST /submissions")[-1].json()["content"]
    assert "model.pickle" in {entry["path"] for entry in sent["entries"]}
    folder = proctor.write_model(tmp_path / "model", Trap(str(mark)), cropped)
    other = proctor.write_model(tmp_path / "other", Trap(str(mark)), cropped)
    versions = json.loads((other / "versions.json").read_text())
    versions |= {"scikit-learn": "0.24.1", "xgboost": "2.0"}
    (other / "versions.json").write_text(json.dumps(versions))
    (refused,) = ask_models([(exam, other)])
    assert "saved with scikit-learn 0.24.1; here is " in refused.error
    assert "and xgboost 2.0, which is not installed here" in refused.error
    assert not mark.exists()
    ask_models([(exam, folder)])
    assert mark.exists()


def test_the_classes_of_a_script_are_found_in_the_sandbox(
    exams: dict[str, Path], tmp_path: Path, ask_models: Any
) -> None:
    (tmp_path / "script.py").write_text(
        "import sys, numpy as np, proctor\n"
        "LIMIT = 115\n"
        "class Threshold:\n"
        "    def predict(self, images):\n"
        "        bright = (images.mean(axis=(1, 2)) > LIMIT).astype(float)\n"
        "        return np.stack([1 - bright, bright], axis=1)\n"
        "proctor.write_model(sys.argv[1], Threshold())\n"
    )
    subprocess.run([sys.executable, tmp_path / "script.py", tmp_path / "model"], check=True)
    exam = exams["classification"]
    (answered,) = ask_models([(exam, tmp_path / "model")])
    bright = sample(exam, "inputs").mean(axis=(1, 2)) > 115
    assert (table(answered.file)[:, 1] == bright).all()


def test_the_classes_of_a_notebook_are_found_by_their_cells() -> None:
    cell = "class Net:\n    def predict(self, x):\n        return x * SIZE\n"
    asked = (
        "import linecache\n"
        f"cell = {cell!r}\n"
        "linecache.cache['<cell 1>'] = (len(cell), None, cell.splitlines(True), '<cell 1>')\n"
        "exec(compile(cell, '<cell 1>', 'exec'))\n"
        "SIZE = 3\n"
        "from proctor.quick.own_code import OwnCode\n"
        "own = OwnCode(); own.add(Net); print(own.text())\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert finished.stdout == "SIZE = 3\n\n" + cell


def nested() -> Any:
    def inside(inputs: Any) -> Any:
        return inputs

    return inside


class Script:
    """Refuses to be pickled as a module of TorchScript does."""

    def predict(self, rows: Any) -> Any:
        return rows

    def __reduce__(self) -> Any:
        raise RuntimeError("no __getstate__")


@pytest.mark.parametrize(
    ("model", "preprocess", "what"),
    [
        (GaussianNB(), lambda inputs: inputs, "a lambda and cannot be taken along"),
        (GaussianNB(), nested(), "defined inside nested"),
        (GaussianNB(), looked_up, "looked_up uses TABLE, a ndarray that lies outside of it"),
        (3, None, "is no model"),
        (GaussianNB, None, "is no model"),
        (Trap(lambda: 1), None, "cannot be pickled"),  # type: ignore[arg-type]
        (Script(), None, "Script cannot be pickled: no __getstate__"),
    ],
)
def test_what_cannot_be_taken_along_is_told_with_what_to_do(
    tmp_path: Path, model: Any, preprocess: Any, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        proctor.write_model(tmp_path / "model", model, preprocess)
    assert not (tmp_path / "model").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(FileExistsError, match="not empty"):
        proctor.write_model(tmp_path, guess)


def test_a_challenge_named_twice_or_not_at_all_is_told() -> None:
    with pytest.raises(ValueError, match="named twice"):
        proctor.submit("model", "digits", "digits")
    with pytest.raises(ValueError, match="name the challenge"):
        proctor.submit(guess)
    with pytest.raises(ValueError, match="go with a model in memory"):
        proctor.submit("model", cropped, challenge="digits")
