"""`python -m train`: fit a recipe, list what there is."""

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from hwr_edge.errors import HwrError
from train import commands

if TYPE_CHECKING:
    from train.recipe import Recipe

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train handwriting models from recipes.",
)
commands.add_to(app)

DATA = Path(os.environ.get("HWR_EDGE_DATA", "../shared/data"))
Format = StrEnum("Format", ["text", "json"])
RecipeFile = Annotated[Path, typer.Argument(help="TOML recipe, such as train/recipes/latin62.toml")]
Data = Annotated[Path, typer.Option(help="folder of the data sets")]
Epochs = Annotated[int | None, typer.Option(min=1, help="instead of the recipe's")]
Seed = Annotated[int | None, typer.Option(help="instead of the recipe's")]
Change = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="instead of the recipe's, as TOML: input.height=96; repeatable"
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="go on from the last whole epoch")]
Form = Annotated[Format, typer.Option("--format", help="of the figures")]


def _plan(recipe: Path, epochs: int | None, seed: int | None, change: list[str] | None) -> "Recipe":
    """The recipe as the options change it, under a backend that is there."""
    from train.devices import check_backend
    from train.recipe import read_recipe

    check_backend()
    options = {"epochs": epochs, "seed": seed}
    lines = [f"{name} = {value}" for name, value in options.items() if value is not None]
    return read_recipe(recipe, [*(change or []), *lines])


@app.command()
def fit(
    recipe: RecipeFile,
    data: Data = DATA,
    out: Annotated[Path | None, typer.Option(help="run folder; runs/NAME by default")] = None,
    epochs: Epochs = None,
    seed: Seed = None,
    change: Change = None,
    resume: Resume = False,
    output: Form = Format.text,
) -> None:
    """Train the recipe's model; its figures go to stdout."""
    plan = _plan(recipe, epochs, seed, change)
    from train.fit import fit as run

    report = run(plan, recipe, data, out or Path("runs") / recipe.stem, resume=resume)
    lines = [
        f"{name} {part}, {one['n']} characters: "
        + ", ".join(
            f"{figure} {one[figure]:.4f}" for figure in ("accuracy", "precision", "recall", "f1", "auc")
        )
        for part in ("validation", "test")
        for name, one in report[part].items()
    ]
    print(json.dumps(report, indent=1) if output is Format.json else "\n".join(lines))


@app.command()
def crossval(
    recipe: RecipeFile,
    data: Data = DATA,
    out: Annotated[Path | None, typer.Option(help="folder of the runs; runs/NAME-folds by default")] = None,
    epochs: Epochs = None,
    seed: Seed = None,
    change: Change = None,
    resume: Resume = False,
    output: Form = Format.text,
) -> None:
    """Train once per fold, each leaving one part out; the figures of each and their means go to stdout."""
    plan = _plan(recipe, epochs, seed, change)
    from train.crossval import crossval as run

    report = run(plan, recipe, data, out or Path("runs") / f"{recipe.stem}-folds", resume=resume)
    rows = [*report["figures"].items(), ("mean", report["means"])]
    lines = [
        f"{fold}: " + ", ".join(f"{name} {value:.4f}" for name, value in one.items()) for fold, one in rows
    ]
    print(json.dumps(report, indent=1) if output is Format.json else "\n".join(lines))


@app.command()
def pixels(
    recipe: RecipeFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="npz file: images, labels")],
    split: Annotated[
        str, typer.Option(help="train (drawn by the recipe's weights), validation or test")
    ] = "train",
    source: Annotated[list[str] | None, typer.Option(help="only this data set; several may be given")] = None,
    count: Annotated[int, typer.Option(min=1, help="at most so many")] = 4096,
    fold: Annotated[str, typer.Option(help="the parts of this fold of crossval")] = "",
    data: Data = DATA,
) -> None:
    """Write characters of the recipe's data as the model sees them, for `python -m export`."""
    from train.crossval import fold_recipe
    from train.pixels import write
    from train.recipe import read_recipe

    plan = read_recipe(recipe)
    if fold:
        plan = fold_recipe(plan, fold)
    print(json.dumps(write(plan, data, output, split=split, only=source, count=count)))


@app.command()
def average(
    runs: Annotated[list[Path], typer.Argument(help="finished run folders of one architecture")],
    out: Annotated[Path, typer.Option(help="folder of the mean")],
    data: Annotated[Path, typer.Option(help="folder of the data sets")] = DATA,
) -> None:
    """Average the weights of runs that began from the same ones; figures go to stdout as JSON."""
    from train.average import average as run

    print(json.dumps(run(runs, data, out), indent=1))


@app.command()
def context(data: Annotated[Path, typer.Option(help="folder of the data sets")] = DATA) -> None:
    """Make anew the tables by which a line settles what a lone character cannot."""
    from train.context import write_tables

    write_tables(data)


@app.command("list")
def list_all() -> None:
    """Print the recipes, architectures and data sets."""
    from train.architectures import ARCHITECTURES
    from train.datasets import DATASETS

    recipes = sorted(path.name for path in (Path(__file__).parent / "recipes").glob("*.toml"))
    for kind, names in (("recipes", recipes), ("architectures", ARCHITECTURES), ("data sets", DATASETS)):
        print(f"{kind}: {', '.join(names)}")


def main() -> None:
    """Run the command line; one of our errors becomes one line and its exit code."""
    try:
        app()
    except HwrError as error:
        print(f"train: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
