"""The architectures of the four papers beside our runs of them, from run folders.

    python -m benchmarks.papers RUN... [--keep]

RUN is a folder that `python -m train fit` or `crossval` filled. Runs that differ by seed alone become one
row, and so do a random split (as in the papers) and a writer-disjoint one of the same setting. What was not
run has no row, and no figure is estimated. results/neighbours.json holds the exact tests between the
architectures of one setting, each against the next better one.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from hwr_edge.errors import DataError, HwrError
from hwr_edge.modelfile import read_spec, write_json
from hwr_edge.spec import ModelSpec
from train.compare import compare, summary
from train.runs import Run, model_file, read_parts

RESULTS = Path(__file__).parent / "results" / "papers.json"
NEIGHBOURS = "neighbours.json"


class Printed(NamedTuple):
    """What a paper prints of an architecture: test (or validation) accuracy, on which data."""

    paper: str
    accuracy: float
    data: str


# Kurniadi et al.: means of the folds of tables 2 and 3; the 99.96 of table 4 is not the mean of table 2.
PRINTED = {
    "mlp": Printed("Zhao", 0.81, "emnist"),
    "cnn": Printed("Zhao", 0.84, "emnist"),
    "rescnn": Printed("Zhao", 0.85, "emnist"),
    "digits-cnn-1": Printed("Septiani et al.", 0.4312, "mnist"),
    "digits-cnn-2": Printed("Septiani et al.", 0.6585, "mnist"),
    "digits-cnn-3": Printed("Septiani et al.", 0.8843, "mnist"),
    "digits-cnn-4": Printed("Septiani et al.", 0.9133, "mnist"),
    "resnet50": Printed("Kurniadi et al.", 0.9969, "hangul"),
    "xception": Printed("Kurniadi et al.", 0.9958, "hangul"),
    "vgg16-relu": Printed("VGG16 with SELU", 0.8088, "chars74k"),
    "vgg16-selu": Printed("VGG16 with SELU", 0.8143, "chars74k"),
}
TASKS = {"unipen": "Zhao", "emnist": "Zhao", "mnist": "Septiani et al.", "hangul": "Kurniadi et al."}
TASKS |= {"chars74k": "VGG16 with SELU"}
"""Whose task a data set stands for; UNIPEN stands in for EMNIST, and the setting says so."""


class Setting(NamedTuple):
    """What runs of one row share."""

    data: str
    size: str
    labels: int
    weights: str
    start: str
    augmented: bool
    schedule: str
    precision: str
    epochs: int
    architecture: str


@dataclass(frozen=True)
class Entry:
    """One run, or one cross-validation.

    Attributes:
        folder: where it lies.
        runs: the run, or its folds.
        recipe: as it counted.
        spec: of its model, or the first fold's.
        device: processor or GPU, and the backend.
        seconds: of training, over all folds.
    """

    folder: Path
    runs: tuple[Run, ...]
    recipe: dict[str, Any]
    spec: ModelSpec
    device: str
    seconds: float

    @property
    def setting(self) -> Setting:
        """See `Setting`."""
        size = self.recipe["input"]
        return Setting(
            "+".join(source["name"] for source in self.recipe["sources"]),
            f"{size['height']}x{size['width']}x{size['channels']}",
            len(self.recipe["labels"]),
            _base(self.recipe),
            _run_name(self.recipe["start"]),
            bool(self.recipe["augmentation"]) or any(self.recipe["placement"].values()),
            self.recipe["schedule"],
            self.recipe["precision"],
            self.recipe["epochs"],
            self.recipe["architecture"]["name"],
        )

    @property
    def disjoint(self) -> bool:
        """Whether no writer is on both sides, as in a data set's own parts where they are taken whole."""
        split = self.recipe["split"] or {}
        return split.get("by") == "writer" or (split.get("by") == "own" and not split.get("train"))


_WITH_BASE = ("resnet50", "xception", "vgg16-relu", "vgg16-selu")


def _base(recipe: dict[str, Any]) -> str:
    """Where the base's weights are from and whether they stay: `imagenet, frozen`, `none`, `our pretrain`."""
    if recipe["architecture"]["name"] not in _WITH_BASE:
        return ""
    weights = recipe["weights"]
    told = weights if weights in ("imagenet", "none") else f"our {_run_name(weights)}"
    return told + (", frozen" if recipe["frozen"] else "")


def _run_name(model: str) -> str:
    """`runs/pretrain/model.keras` -> `pretrain`."""
    return Path(model).parent.name


def read_entry(folder: Path) -> Entry:
    """Read a run or a cross-validation.

    Raises:
        DataError: it is not finished or lacks a file.
    """
    runs = tuple(read_parts(folder).values())
    recipe, environment = (_json(runs[0].folder / name) for name in ("recipe.json", "environment.json"))
    specs = [read_spec(model_file(run.folder)) for run in runs]
    device = ", ".join(environment["gpus"]) or environment["machine"]
    seconds = sum(float(spec.training["seconds"]) for spec in specs)
    return Entry(folder, runs, recipe, specs[0], f"{device}; {environment['backend']}", seconds)


def rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """One row a setting, in the order of the papers."""
    groups: dict[Setting, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.setting].append(entry)
    order = [*PRINTED, "edge"]
    return [
        _row(setting, group)
        for setting, group in sorted(groups.items(), key=lambda item: _place(item[0], order))
    ]


def neighbours(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Architectures of one setting and split, each against the next better one on the same characters."""
    groups: dict[tuple[Any, ...], dict[Setting, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        setting = entry.setting
        groups[setting.data, setting.labels, entry.disjoint][setting].append(entry)
    found = []
    for (data, _, disjoint), by_setting in sorted(groups.items()):
        settings = sorted(by_setting, key=lambda setting: -_accuracy(by_setting[setting]))
        names = _names(settings)
        for better, worse in pairwise(settings):
            for a, b in _same_seed(by_setting[better], by_setting[worse]):
                found += [_against(data, disjoint, names[better], names[worse], a, b)]
    return found


def _names(settings: Sequence[Setting]) -> dict[Setting, str]:
    """The architectures, told apart where one was run in several settings."""
    often = Counter(setting.architecture for setting in settings)
    return {
        setting: setting.architecture
        if often[setting.architecture] == 1
        else f"{setting.architecture} ({setting.size}, {setting.schedule}, {setting.epochs} epochs)"
        for setting in settings
    }


def _same_seed(first: Iterable[Entry], second: Iterable[Entry]) -> list[tuple[Entry, Entry]]:
    others = {entry.recipe["seed"]: entry for entry in second}
    pairs = [(entry, others[entry.recipe["seed"]]) for entry in first if entry.recipe["seed"] in others]
    return sorted(pairs, key=lambda pair: pair[0].recipe["seed"])


def _against(data: str, disjoint: bool, better: str, worse: str, a: Entry, b: Entry) -> dict[str, Any]:
    found = compare(a.folder, b.folder)
    one = found["characters"][-1]  # all of them together
    return {
        "data": data,
        "writers": "disjoint" if disjoint else "on both sides",
        "seed": a.recipe["seed"],
        "better": better,
        "than": worse,
        "n": one["n"],
        "difference": round(one["difference"], 4),
        "95 % interval": [round(bound, 4) for bound in one["interval95"]],
        "only better right": one["only_a"],
        "only other right": one["only_b"],
        "McNemar p": _p(one["p"]),
        "sign test p": _p(found["sign_tests"][0]["p_two_sided"]) if len(a.runs) > 1 else "",
    }


def _p(value: float) -> str:
    return f"{value:.2g}" if value else "below 1e-300"


def _row(setting: Setting, group: list[Entry]) -> dict[str, Any]:
    from train.cost import macs

    sides = {side: [entry for entry in group if entry.disjoint == side] for side in (False, True)}
    same, disjoint = (_figures(sides[side]) for side in (False, True))
    printed = PRINTED.get(setting.architecture)
    paper = printed.paper if printed else TASKS.get(_kind(setting.data), "")
    return {
        "paper": paper,
        "architecture": setting.architecture,
        "their number": printed.accuracy if printed else None,
        "setting": _told(setting, printed),
        "ours, same setting": same["accuracy"],
        "95 % interval": same["interval"],
        "ours, writer-disjoint": disjoint["accuracy"],
        "95 % interval, writers disjoint": disjoint["interval"],
        "parameters": int(group[0].spec.architecture["parameters"]),
        "MACs": macs(_model(group[0])),
        "epochs": setting.epochs,
        "seeds": " / ".join(dict.fromkeys(_seeds(side) for side in sides.values() if side)),
        "training time": f"{np.mean([entry.seconds for entry in group]):,.0f} s",
        "device": " / ".join(sorted({entry.device for entry in group})),
    }


def _seeds(entries: Sequence[Entry]) -> str:
    return ", ".join(str(seed) for seed in sorted({entry.recipe["seed"] for entry in entries}))


def _figures(entries: Sequence[Entry]) -> dict[str, Any]:
    if not entries:
        return {"accuracy": None, "interval": None}
    found = summary([run for entry in entries for run in entry.runs])
    return {
        "accuracy": round(found["accuracy"], 4),
        "interval": [round(bound, 4) for bound in found["interval95"]],
    }


def _told(setting: Setting, printed: Printed | None) -> str:
    """The setting in words, with what differs from the paper's."""
    parts = [f"{setting.data}, {setting.labels} classes", setting.size]
    if setting.weights:
        parts.append(f"weights: {setting.weights}")
    if setting.start:
        parts.append(f"after {setting.start}")
    if setting.augmented:
        parts.append("augmented")
    if setting.schedule != "constant":
        parts.append(f"{setting.schedule} schedule")
    if setting.precision != "float32":
        parts.append("bfloat16")
    if printed and printed.data != _kind(setting.data):
        parts.append(f"the paper: {printed.data}")
    return "; ".join(parts)


def _kind(data: str) -> str:
    """`emnist-byclass` -> `emnist`."""
    return data.partition("-")[0]


def _place(setting: Setting, order: list[str]) -> tuple[Any, ...]:
    papers = list(dict.fromkeys(TASKS.values()))
    task = TASKS.get(_kind(setting.data), "")
    name = setting.architecture
    return (
        papers.index(task) if task in papers else len(papers),
        order.index(name) if name in order else len(order),
        *setting,
    )


def _accuracy(entries: Sequence[Entry]) -> float:
    return float(summary([run for entry in entries for run in entry.runs])["accuracy"])


def _model(entry: Entry) -> Any:
    import keras

    return keras.models.load_model(model_file(entry.runs[0].folder), compile=False)


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): train the recipe again") from error


def _kept(path: Path, new: list[dict[str, Any]], key: Sequence[str]) -> list[dict[str, Any]]:
    """The rows there were, those measured anew replaced."""
    old = json.loads(path.read_text("utf-8")) if path.exists() else []
    known = {tuple(row[name] for name in key) for row in new}
    return [row for row in old if tuple(row[name] for name in key) not in known] + new


def main(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="finished runs")],
    out: Annotated[Path, typer.Option("--json", help="where the rows go")] = RESULTS,
    keep: Annotated[
        bool, typer.Option("--keep", help="keep the rows there of settings not given now")
    ] = False,
) -> None:
    """Write the rows and the tests between neighbours; then `make readme` puts them into the README."""
    try:
        entries = [read_entry(folder) for folder in folders]
        found, tests = rows(entries), neighbours(entries)
    except HwrError as error:
        print(f"papers: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    beside = out.with_name(NEIGHBOURS)
    if keep:
        found = _kept(out, found, ("architecture", "setting", "epochs"))
        # Who is next to whom depends on all runs of a group, so its old tests go together.
        tests = _kept(beside, tests, ("data", "writers", "seed"))
    for path, values in ((out, found), (beside, tests)):
        write_json(path, values)
    print(f"{len(found)} rows in {out}, {len(tests)} tests in {beside}")


if __name__ == "__main__":
    typer.run(main)
