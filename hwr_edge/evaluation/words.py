"""Figures in words and tables, for the terminal and for the page alike."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
Rows = list[list[str]]

_FIGURES = {
    "accuracy": "accuracy",
    "ignoring_case": "ignoring case",
    "merged_lookalikes": "look-alikes merged (0Oo, 1Il, Cc, ...)",
    "top3": "truth among the best three",
    "macro_precision": "precision, mean over classes",
    "macro_recall": "recall, mean over classes",
    "macro_f1": "F1, mean over classes",
    "character_errors": "character error rate",
    "calibration_error": "expected calibration error",
    "calibration_by_chance": "- which perfect calibration stays under, 19 times in 20",
    "refused": "refused (blank, or below the model's limit)",
    "accuracy_of_the_rest": "accuracy of what is not refused",
    "blank": "found blank",
    "ms_median": "milliseconds a picture, median",
}
_BLANK = "blank"
_SIGNIFICANT = 0.05


def as_text(found: Json, confusions: int) -> str:
    """Everything for the terminal; of the confusions only the commonest."""
    lines = [summary(found), *notes(found), "", *_columns(overview(found["models"]))]
    if "comparison" in found:
        lines += ["", comparison(found["comparison"])]
    for model in found["models"]:
        if "classes" in model:
            lines += ["", f"{title(model)}, by class:", *_columns(class_rows(model["classes"]))]
            chosen = model["confusions"][:confusions]
            lines += ["", f"{title(model)}, commonest confusions:", *_columns(confusion_rows(chosen))]
    return "\n".join(lines)


def summary(found: Json) -> str:
    """What was read, in a sentence."""
    data, options = found["data"], found["options"]
    charset = f", only {options['charset']}" if options["charset"] else ""
    layout = {"char": "one character", "word": "one line", "page": "a page"}[options["layout"]]
    return f"{data['n']:,} pictures of {data['classes']:,} labels, each read as {layout}{charset}."


def notes(found: Json) -> list[str]:
    """What a reader of the figures must know beside them: what is missing, and why."""
    data = found["data"]
    said = []
    if found["partial"]:
        said.append("Interrupted: the figures are of the pictures read until then.")
    if data["unreadable"]:
        said.append(f"{len(data['unreadable']):,} pictures could not be read and are not counted.")
    if data["skipped_unknown"]:
        said.append(f"{data['skipped_unknown']:,} pictures of labels unknown to the model were left out.")
    return said


def title(model: Json) -> str:
    """The model and what it ran in."""
    return f"{model['name']} ({model['runtime']})"


def overview(models: Sequence[Json]) -> Rows:
    """A line a figure, for each model its value and its interval."""
    head = ["", *(cell for model in models for cell in (title(model), "95 %"))]
    lines = [
        [name, *(cell for model in models for cell in _shown(model["figures"][key]))]
        for key, name in _FIGURES.items()
        if key in models[0]["figures"]
    ]
    return [head, *lines]


def class_rows(classes: Sequence[Json]) -> Rows:
    """A line a class."""
    head = ["label", "n", "recall", "95 %", "precision", "F1", "mistaken for"]
    lines = [
        [
            one["label"],
            str(one["n"]),
            f"{one['recall']:.3f}",
            "{:.2f} - {:.2f}".format(*one["recall_ci95"]),
            f"{one['precision']:.3f}",
            f"{one['f1']:.3f}",
            " ".join(other or _BLANK for other in one["mistaken_for"]),
        ]
        for one in classes
    ]
    return [head, *lines]


def confusion_rows(confusions: Sequence[Json]) -> Rows:
    """A line a confusion, the commonest first."""
    return [
        ["truth", "read as", "times", "mean confidence"],
        *(
            [one["truth"], one["answer"] or _BLANK, str(one["count"]), f"{one['confidence']:.2f}"]
            for one in confusions
        ),
    ]


def comparison(found: Json) -> str:
    """Two models on the same pictures, in words."""
    low, high = (100 * bound for bound in found["ci95"])
    p = found["mcnemar_p"]
    verdict = "chance alone hardly explains it" if p < _SIGNIFICANT else "chance alone may explain it"
    return (
        f"The first is right where the second is wrong on {found['right_in_first_only']} pictures, the "
        f"reverse holds on {found['right_in_second_only']}: "
        f"{100 * found['difference']:+.2f} points for the first "
        f"(95 %: {low:+.2f} to {high:+.2f}); McNemar's exact p = {p:.3g}, {verdict}. "
        f"Both answer the same on {_shown(found['same_answer'])[0]}."
    )


def _shown(value: object) -> tuple[str, str]:
    """A figure and its interval: shares of pictures in per cent, others as they are."""
    match value:
        case {"value": None}:
            return "-", ""
        case {"value": float() | int() as part, "ci95": [low, high]}:
            return f"{100 * part:.2f} %", f"{100 * low:.1f} - {100 * high:.1f}"
        case float():
            return f"{value:.4f}", ""
    return str(value), ""


def _columns(rows: Rows) -> list[str]:
    """Lines with the cells of each column under each other; all but the first stand to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
