"""How many characters a second one core prepares for training, as `fit` does it: drawing, varying, packing.

    python -m benchmarks.augmentation [--data DIR] [--seconds S]

Of each recipe the batches of training are made one after the other in one thread, OpenCV held to one as well,
with nothing trained meanwhile; the first batches are not counted. A GPU waits for one core where it trains
more characters a second; `fit` prepares them in two threads.
"""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from hwr_edge.modelfile import write_json
from train.__main__ import DATA

RECIPES = ("unipen-edge-random", "latin62-base", "hangul-resnet50", "digits-cnn-1")
RESULTS = Path(__file__).parent / "results" / "augmentation.json"
_FOLDER = Path(__file__).parent.parent / "train" / "recipes"


def measure(recipe: str, data: Path, seconds: float) -> dict[str, Any]:
    """Characters a second of a recipe, the median over its batches."""
    from train.batches import Batches
    from train.parts import load_parts
    from train.recipe import read_recipe

    plan = read_recipe(_FOLDER / f"{recipe}.toml")
    parts = load_parts(plan, data)
    batches = Batches(plan, parts.train, strangers=parts.strangers)
    for number in range(3):
        batches[number]
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        pixels, _ = batches[3 + len(rates)]
        rates.append(len(pixels) / (time.perf_counter() - start))
    side = f"{plan.input.height}x{plan.input.width}x{plan.input.channels}"
    varied = "ink" if plan.augmentation else "placement" if plan.placement.rotate else "none"
    return {
        "recipe": recipe,
        "input": side,
        "varied": varied,
        "characters a second": round(float(np.median(rates))),
    }


def main(
    data: Annotated[Path, typer.Option(help="folder of the data sets")] = DATA,
    seconds: Annotated[float, typer.Option(help="for each recipe")] = 10,
) -> None:
    """Measure every kind of variation and write the figures."""
    cv2.setNumThreads(1)
    rows = [measure(recipe, data, seconds) for recipe in RECIPES]
    write_json(RESULTS, rows)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    typer.run(main)
