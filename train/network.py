"""The recipe's network: for training, and as the graph that answers."""

import keras

from hwr_edge.errors import RecipeError
from train.architectures import ARCHITECTURES
from train.correction import Correction, as_layer
from train.recipe import Recipe, unknown


def build(recipe: Recipe) -> keras.Model:
    """The recipe's network, untrained: pixels in, logits out.

    Raises:
        RecipeError: no such architecture, an option that it has not, or an input too small for it.
    """
    options = dict(recipe.architecture)
    name = options.pop("name", None)
    if name not in ARCHITECTURES:
        raise RecipeError(unknown("architecture", str(name), ARCHITECTURES))
    try:
        return ARCHITECTURES[name](recipe.input, len(recipe.labels), **options)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"architecture {name}: {error}") from error


def inference_graph(recipe: Recipe, trained: keras.Model) -> keras.Model:
    """The same weights in float32, its answers corrected, with the softmax.

    Returns:
        (N, H, W, C) in 0-255 -> (N, classes) probabilities.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    plain = build(recipe)
    plain.set_weights(trained.get_weights())
    if recipe.correction != Correction():
        matrix, bias = as_layer(recipe.correction, recipe.labels)
        last = plain.get_layer("logits")
        kernel, own = last.get_weights()
        last.set_weights([kernel @ matrix, own @ matrix + bias])
    probabilities = keras.layers.Softmax(name="probabilities")(plain.output)
    keras.config.set_dtype_policy(policy)
    return keras.Model(plain.input, probabilities, name=recipe.name)
