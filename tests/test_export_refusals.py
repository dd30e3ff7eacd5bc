"""What `python -m export` refuses: files that fail their checks, and input that does not fit."""

import zipfile
from pathlib import Path

import pytest

from tests.exporting import start

pytest.importorskip("tensorflow", reason="exporting needs the export extra")
pytest.importorskip("tf2onnx", reason="exporting needs the export extra")


@pytest.mark.parametrize("form", ["onnx", "tflite"])
def test_a_file_that_fails_its_check_is_not_left_behind(trained: Path, form: str) -> None:
    """On pure noise the answers hang by a thread, and int8 cannot give each of them as Keras does."""
    options = ["-o", "failed", "--calibration", "train.npz", "--min-agreement", "1", "--to", form]
    done = start(["-m", "export", "tiny.keras", "--check", "noise.npz", *options], trained)
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith(f"export: tiny.int8.{form} in ")
    assert "on 3000 images: agreement " in done.stderr
    worst = done.stderr.partition("by SQNR: ")[2].split(". Try --quant int8-mixed")[0]
    assert {"conv2d", "probabilities"} <= {name.split()[0] for name in worst.split(", ")}
    figures = [float(name.split()[1]) for name in worst.split(", ")]
    assert figures == sorted(figures) and 10 < figures[0] < 60
    assert done.stderr.count("\n") == 1
    assert list((trained / "failed").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["tiny.keras", "--quant", "int8"], 2, "--calibration"),
        (["tiny.keras", "--quant", "int4"], 2, "is not one of none"),
        (["tiny.keras", "--batch", "0"], 2, "--batch"),
        (["tiny.keras", "--opset", "19"], 2, "is not between 13"),
        (["tiny.keras", "--opset", "12"], 2, "is not between 13"),
        (["tiny.keras", "--opset", "13", "--ir-version", "6"], 2, "is not between 7"),
        (["tiny.keras", "--to", "coreml"], 2, "is not one of onnx"),
        (["none.keras"], 6, "none.keras cannot be read"),
        (["notes.keras"], 6, "notes.keras is damaged"),
        (["bare.keras"], 6, "write_spec"),
    ],
)
def test_bad_input_is_refused_before_anything_is_loaded(
    trained: Path, options: list[str], code: int, words: str
) -> None:
    (trained / "notes.keras").write_text("no model")
    with zipfile.ZipFile(trained / "bare.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    calibration = [] if "--quant" in options else ["--calibration", "train.npz"]
    done = start(["-m", "export", *options, "--check", "test.npz", *calibration], trained)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


# Each case runs in one process: TensorFlow takes longer to load than all of them to fail.
BAD = """
import dataclasses, os, sys
os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
import keras, numpy as np
from pathlib import Path
import export.run
from export.job import Job
from export.run import run
from hwr_edge.errors import HwrError
from hwr_edge.modelfile import read_spec, write_spec

spec = read_spec("tiny.keras")
model = keras.models.load_model("tiny.keras", compile=False)

class Strange(keras.layers.Layer):
    def call(self, x):
        return x

def save(name, model, **changes):
    model.save(name)
    write_spec(name, dataclasses.replace(spec, **changes))

answers = model.output
save("custom.keras", keras.Model(model.input, Strange()(answers)))
save("labels.keras", model, labels=tuple("abc"))
save("tanh.keras", keras.Model(model.input, keras.layers.Activation("tanh", name="tanh")(answers)))
model.save("hollow.keras")
import zipfile
with zipfile.ZipFile("hollow.keras") as old, zipfile.ZipFile("weightless.keras", "w") as new:
    for name in ("config.json", "metadata.json"):
        new.writestr(name, old.read(name))
write_spec("weightless.keras", spec)
train = dict(np.load("train.npz"))
np.savez("few.npz", images=train["images"][:20], labels=train["labels"][:20])
np.savez("float.npz", images=train["images"] / 255, labels=train["labels"])
np.savez("classes.npz", images=train["images"], labels=train["labels"] + 5)
np.savez("blank.npz", images=np.zeros_like(train["images"]) , labels=train["labels"])
Path("text.npz").write_text("no arrays")

files = {"check": Path("test.npz"), "calibration": Path("train.npz")}
plain = Job(Path("tiny.keras"), Path("bad"), ["tflite"], ["int8"], **files)
cases = [{"model": Path(f"{name}.keras")} for name in ("custom", "labels", "tanh", "weightless")]
bad = ("few", "float", "classes", "blank", "text", "test")
cases += [{"calibration": Path(f"{name}.npz")} for name in bad]
cases += [{"check": Path("few.npz")}, {"check": Path("none.npz")}]
for case in cases:
    try:
        run(dataclasses.replace(plain, **case))
        print("0 passed")
    except HwrError as error:
        print(error.exit_code, error)
    print(sorted(path.name for path in Path("bad").iterdir()) if Path("bad").is_dir() else [])
def full(*_):
    raise OSError(28, "No space left on device")

for module, writer in ((export.run.report, "as_json"), (export.run, "write_spec")):
    setattr(module, writer, full)
    try:
        run(dataclasses.replace(plain, quantisations=["none"]))
    except HwrError as error:
        print(error.exit_code, error)
    print(sorted(path.name for path in Path("bad").iterdir()))
"""


def test_bad_models_and_images_are_one_sentence_and_leave_nothing(trained: Path) -> None:
    done = start(["-c", BAD], trained)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    said, left = lines[::2], lines[1::2]
    assert set(left) == {"[]"}
    wanted = [
        (6, "custom.keras cannot be loaded by Keras"),
        (6, "labels.keras: the model is"),
        (6, "tanh.keras ends in tanh"),
        (6, "weightless.keras cannot be loaded by Keras"),
        (3, "few.npz holds 20 images: 64 training images are needed"),
        (3, "float.npz: images are float64"),
        (3, "classes.npz: labels reach 14"),
        (3, "blank.npz: every pixel is 0"),
        (3, "text.npz is not an .npz"),
        (3, "test.npz holds 600 images, 0 besides those of test.npz"),
        (3, "few.npz holds 20 images, 500 are wanted"),
        (3, "none.npz"),
        *[(1, "cannot write to bad: No space left on device")] * 2,
    ]
    assert len(said) == len(wanted)
    for line, (code, words) in zip(said, wanted, strict=True):
        assert line.startswith(f"{code} {words}"), line
