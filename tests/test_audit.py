"""What the audit of an exported file refuses, and how images are cut into blocks; no converter is needed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from export.audit import Audit, faults
from export.samples import blocks


def audited(arithmetic: dict[str, dict[str, int]], **weights: int) -> Audit:
    return Audit("ONNX", {}, arithmetic, weights, 1, 1)


def test_dense_layers_of_a_dynamic_file_count_as_int8() -> None:
    assert faults(audited({"int8": {"MatMulInteger": 4}}, uint8=100), "dynamic") == []
    assert faults(audited({"float32": {"MatMul": 4}}, float32=400), "dynamic")


def test_a_float_layer_in_an_int8_file_is_a_fault() -> None:
    found = audited({"int8": {"CONV_2D": 4}, "float32": {"CONV_2D": 1, "SOFTMAX": 1}}, int8=100)
    assert faults(found, "int8") == ["1 of its layers compute in float32"]


@given(st.integers(0, 40), st.integers(1, 300), st.integers(1, 50))
def test_blocks_are_small_and_lose_nothing(count: int, side: int, most: int) -> None:
    images = np.broadcast_to(np.arange(count)[:, None, None, None], (count, side, side, 3))
    cut = blocks(images, most)
    assert all(len(block) <= most and (block.size <= 1 << 20 or len(block) == 1) for block in cut)
    assert [int(image[0, 0, 0]) for block in cut for image in block] == list(range(count))
