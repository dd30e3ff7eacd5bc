"""The training itself: from the first weights, or the last whole epoch, to the end."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hwr_edge.cli.output import Progress
from hwr_edge.errors import RecipeError
from train.batches import Batches, plain_batch
from train.files import save
from train.history import HISTORY, read_history, write_history
from train.network import build
from train.parts import Parts
from train.recipe import Recipe
from train.watch import best_epoch, rate, stopped
from train.weights import load_base, read_model, start_from

CHECKPOINT = "checkpoint.keras"
BEST = "checkpoint-best.keras"


def trained(recipe: Recipe, parts: Parts, out: Path, resume: bool) -> keras.Model:
    """The network after its last epoch; `out` holds what the epochs left.

    Raises:
        RecipeError: the loss is no longer a number.
    """
    batches = Batches(recipe, parts.train, strangers=parts.strangers)
    model = _resumed(out) if resume else None
    if model is None:
        model = _new(recipe, batches.steps, out)
    first = int(keras.ops.convert_to_numpy(model.optimizer.iterations)) // batches.steps
    # The row of an epoch is written before its checkpoint: there may be one that no checkpoint has seen.
    history = read_history(out)[:first]
    if first < recipe.epochs and not stopped(_losses(history), recipe.stop_patience):
        batches.first = first * batches.steps
        model.fit(
            batches,
            # Batches come in their order: shuffling them as well would make a resumed run differ.
            shuffle=False,
            steps_per_epoch=batches.steps,
            epochs=recipe.epochs,
            initial_epoch=first,
            validation_data=_validation(recipe, parts),
            validation_batch_size=recipe.batch,
            callbacks=[keras.callbacks.TerminateOnNaN(), _Epochs(recipe, parts, out, history, batches.steps)],
            verbose=0,
        )
    return model


def load_best(model: keras.Model, out: Path) -> bool:
    """Put the weights of the best epoch into the model; False where none was chosen."""
    if not (out / BEST).exists():
        return False
    model.set_weights(read_model(out / BEST).get_weights())
    return True


def _resumed(out: Path) -> keras.Model | None:
    path = out / CHECKPOINT
    return keras.models.load_model(path) if path.exists() else None


def _new(recipe: Recipe, steps: int, out: Path) -> keras.Model:
    for name in (CHECKPOINT, BEST, HISTORY):
        (out / name).unlink(missing_ok=True)
    keras.config.set_dtype_policy(recipe.precision)
    model = build(recipe)
    if recipe.start:
        start_from(model, Path(recipe.start))
    if recipe.weights != "none":
        load_base(model, str(recipe.architecture["name"]), recipe.weights, frozen=recipe.frozen)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    model.compile(_optimiser(recipe, steps), loss, metrics=["accuracy"])
    return model


def _optimiser(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    schedule: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        schedule = keras.optimizers.schedules.CosineDecay(
            recipe.learning_rate / 20,
            max(1, steps * (recipe.epochs - 1)),
            warmup_target=recipe.learning_rate,
            warmup_steps=steps if recipe.epochs > 1 else 0,
        )
    if recipe.optimiser == "adam":
        return keras.optimizers.Adam(schedule)
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)


def _validation(recipe: Recipe, parts: Parts) -> tuple[Any, Any] | None:
    """What every epoch is measured on, as one batch; None where there is nothing."""
    watched = parts.watched(recipe)
    if not watched:
        return None
    pixels, labels = zip(*(plain_batch(samples, recipe) for samples in watched), strict=True)
    return np.concatenate(pixels), np.eye(len(recipe.labels), dtype=np.float32)[np.concatenate(labels)]


def _losses(history: Sequence[Mapping[str, float]]) -> list[float]:
    return [row["val_loss"] for row in history if "val_loss" in row]


class _Epochs(keras.callbacks.Callback):
    """After each epoch its row, the best weights, then the whole state, from which a killed run goes on."""

    def __init__(
        self, recipe: Recipe, parts: Parts, out: Path, history: list[dict[str, float]], steps: int
    ) -> None:
        super().__init__()
        self.recipe, self.out, self.history = recipe, out, history
        self.choosing = bool(parts.validation) or recipe.watched
        self.bar = Progress((recipe.epochs - len(history)) * steps, True)
        self.started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.started = time.time()
        # What dropout drew so far is not part of a checkpoint: each epoch draws by its own number.
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign([self.recipe.seed, epoch])

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.bar.step(f"epoch {len(self.history) + 1}/{self.recipe.epochs}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = {name: float(value) for name, value in (logs or {}).items()}
        self.bar.clear()
        if not np.isfinite(list(logs.values())).all():
            raise RecipeError(
                f"epoch {epoch + 1}: the loss is no longer a number: lower learning_rate, then run again"
            )
        used = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        logs.pop("learning_rate", None)
        seconds = round(time.time() - self.started, 2)
        self.history.append({"epoch": epoch, "seconds": seconds, "learning_rate": used, **logs})
        losses = _losses(self.history)
        write_history(self.out, self.history)
        if self.recipe.plateau_patience:
            recipe = self.recipe
            self.model.optimizer.learning_rate = rate(
                losses, recipe.learning_rate, recipe.plateau_patience, recipe.plateau_factor
            )
        best = self.choosing and losses and best_epoch(losses) == epoch
        save(self.model, self.out / CHECKPOINT, also=self.out / BEST if best else None)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(f"epoch {epoch + 1}/{self.recipe.epochs}: {figures} ({seconds:.0f} s)", file=sys.stderr)
        if stopped(losses, self.recipe.stop_patience):
            self.model.stop_training = True
