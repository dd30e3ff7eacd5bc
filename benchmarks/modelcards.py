"""A model card a bundled model, from the file's own metadata: `python -m benchmarks.modelcards [--check]`.

Writes `hwr_edge/models/NAME.md`. What the model was trained on, its terms, calibration and the figures of its
training come out of the int8 file that ships; figures by class, the commonest mistakes and what was not
refused come from `results/classes.json` and `refusals.json`, as far as those were measured with that file.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.readme import RESULTS, table
from hwr_edge import ModelSpec
from hwr_edge.modelfile import read_spec, sha256, write_atomic
from hwr_edge.models import FOLDER, names

FORM = ".int8.tflite"
_CONFUSIONS = 12  # listed of each test set

_CARD = """\
# Model card: {name}

Reads one handwritten character a picture; {count} classes: {labels}

Made by `python -m benchmarks.modelcards` from `{file}` (sha256 `{digest}`); do not edit.

## Model

{model}
## Data

{data}
Writers are counted as far as the data names them; where it names none, each picture counts as one.

## Terms

{licence}

## Figures of the training

{figures}
## Figures of the file that ships

{classes}
## Known failures

{failures}
## Not to be used for

{limits}"""

_LIMITS = {
    "": (
        "Anything that decides about a person, money or safety without somebody looking at what was read.",
        "Telling who wrote something, or how the writer is.",
        "Joined (cursive) writing: it is refused for the most part, and wrong where it is not.",
        "Scripts and signs other than the classes above; accents, punctuation and signs of arithmetic.",
    ),
    "latin62": (
        "Passwords, serial numbers and the like, where case or O and 0 count, without `--pattern` or a check"
        " digit: image alone does not settle them (`ambiguous_with`).",
    ),
    "digits": ("Text with letters in it: each would be read as a digit.",),
    "hangul": ("Whole syllable blocks: it reads single letters (jamo) of four writers' hands.",),
}


def card(spec: ModelSpec, file: str, digest: str, classes: Mapping[str, Any], refusals: list[Any]) -> str:
    """The card as Markdown.

    Args:
        spec: of the file.
        file: its name.
        digest: its SHA-256.
        classes: what `benchmarks.quality` found by test set, see there.
        refusals: its rows about what is no character.
    """
    own = [test for test in classes.values() if test["sha256"] == digest]
    return _CARD.format(
        name=spec.name,
        count=len(spec.labels),
        labels=" ".join(spec.labels),
        file=file,
        digest=digest,
        model=_listed(_model(spec)),
        data=table(_data(spec)),
        licence=spec.licence,
        figures=_figures(spec),
        classes="\n".join(_by_class(test) for test in own) or _unmeasured(),
        failures=_listed(_failures(spec, own, refusals)),
        limits=_listed([*_LIMITS[""], *_LIMITS.get(spec.name, ())]),
    )


def cards() -> dict[Path, str]:
    """The card of each bundled model by the file that it belongs in."""
    classes, refusals = _read("classes"), _read("refusals")
    found = {}
    for name in names():
        path = FOLDER / f"{name}{FORM}"
        digest = sha256(path)
        rows = refusals["rows"] if refusals.get("sha256", {}).get(name) == digest else []
        found[FOLDER / f"{name}.md"] = card(read_spec(path), path.name, digest, classes, rows)
    return found


def _read(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _model(spec: ModelSpec) -> list[str]:
    architecture, training = spec.architecture, spec.training
    return [
        f"Architecture `{architecture.get('name')}`, {architecture.get('parameters', 0):,} parameters; "
        f"input {spec.input.height}x{spec.input.width}, {spec.input.channels} channel.",
        f"Recipe `{training.get('recipe')}` (sha256 `{training.get('recipe_sha256')}`), seed "
        f"{training.get('seed')}, {training.get('epochs')} epochs, {training.get('seconds')} s on "
        f"{training.get('machine')}, Keras {training.get('keras')}.",
        f"Quantisation: {spec.quantisation.get('kind')}, {spec.quantisation.get('scheme')}.",
        f"Temperature {spec.temperature:.3f}; an answer below {spec.reject_below:.3f} is doubtful.",
    ]


def _data(spec: ModelSpec) -> list[Mapping[str, Any]]:
    return [{"data": name, **counts} for name, counts in spec.training.get("data", {}).items()]


def _figures(spec: ModelSpec) -> str:
    rows: list[Mapping[str, Any]] = [
        {
            "part": part,
            "data": name,
            "n": found["n"],
            "exact": round(found["accuracy"], 4),
            "ci95": [round(bound, 4) for bound in found["interval95"]],
            "ignoring case": round(found["ignoring_case"], 4),
            "calibration error": round(found["calibration_error"], 4),
        }
        for part in ("validation", "test")
        for name, found in spec.metrics.get(part, {}).items()
    ]
    return table(rows) if rows else "None: every picture was trained on; see `train/recipes` for the folds.\n"


def _by_class(test: Mapping[str, Any]) -> str:
    rows: list[Mapping[str, Any]] = [
        {
            "class": found["label"],
            "n": found["n"],
            "recall": found["recall"],
            "precision": found["precision"],
            "f1": found["f1"],
            "mistaken for": " ".join(label or "blank" for label in found["mistaken_for"]),
        }
        for found in test["classes"]
    ]
    return f"### {test['data']}\n\n{table(rows)}"


def _unmeasured() -> str:
    return "By class not measured with this file: `python -m benchmarks.quality characters` does it.\n"


def _failures(spec: ModelSpec, own: Iterable[Mapping[str, Any]], refusals: Iterable[Any]) -> list[str]:
    """The commonest mistakes, and what is no character and yet was not refused."""
    found = []
    for test in own:
        worst = ", ".join(
            f"{one['truth']} as {one['answer'] or 'blank'} ({one['count']})"
            for one in test["confusions"][:_CONFUSIONS]
        )
        found.append(f"{test['data']}: {worst}.")
    found += [
        f"Not refused, of {row['n']} pictures of {row['shown']} read as `{row['layout']}`: "
        f"{1 - row['int8 refused']:.1%}."
        for row in refusals
        if row["model"] == spec.name and row["wanted"].startswith("at least")
    ]
    return found or [_unmeasured().strip()]


def _listed(lines: Iterable[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def main() -> None:
    """Write the cards, or with --check only say (exit code 4) which is out of step with its file."""
    for path, text in cards().items():
        if "--check" not in sys.argv[1:]:
            write_atomic(path, text.encode())
        elif not path.exists() or path.read_text("utf-8") != text:
            print(f"{path.name} is out of step: run python -m benchmarks.modelcards", file=sys.stderr)
            raise SystemExit(4)


if __name__ == "__main__":
    main()
