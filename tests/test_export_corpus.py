"""Models made up from seeds, of the layers that ours use, export and answer as Keras does everywhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow", reason="exporting needs the export extra")
pytest.importorskip("tf2onnx", reason="exporting needs the export extra")

ROOT = Path(__file__).resolve().parent.parent
SEEDS = range(32)
Record = dict[str, Any]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Record]:
    """What came of each seed; two processes share them, for TensorFlow takes seconds to load."""
    folder = tmp_path_factory.mktemp("corpus")
    command = [sys.executable, "-m", "tests.export_corpus", str(folder)]
    clean = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    halves = [
        subprocess.Popen(
            [*command, *(str(seed) for seed in SEEDS if seed // 2 % 2 == half)],
            cwd=ROOT,
            env=clean,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for half in (0, 1)
    ]
    records: dict[int, Record] = {}
    for half in halves:
        out, err = half.communicate(timeout=600)
        found = [json.loads(line) for line in out.splitlines()]
        records |= {record["seed"]: record for record in found}
        assert half.returncode == 0, f"after {len(found)} models: {err[-2000:]}"
    return records


@pytest.mark.parametrize("seed", SEEDS)
def test_it_exports_and_agrees(corpus: dict[int, Record], seed: int) -> None:
    record = corpus[seed]
    assert "error" not in record, record
    names = [f"m{seed}{kind}" for kind in (".onnx", ".int8.onnx", ".tflite", ".int8.tflite")]
    assert sorted(record["files"]) == sorted(names)
    for name, results in record["files"].items():
        assert results, f"{name} ran nowhere"
        for result in results:
            assert result["agreement"] >= (0.99 if ".int8." in name else 1.0), (name, result, record)
            assert ".int8." in name or result["max_diff"] <= 1e-4, (name, result, record)


def test_int8_tflite_computes_nothing_in_float_but_the_end(corpus: dict[int, Record]) -> None:
    """ELU and SELU neither; an exponential in int8 would round the negative half of SELU away."""
    for seed, record in corpus.items():
        inside = record["arithmetic"][f"m{seed}.int8.tflite"]
        layers = inside["int8"].get("FULLY_CONNECTED", 0)
        sums = {"ADD": 3} if inside["float32"].get("ADD") and layers >= 4 else {}  # of the last layer's parts
        assert inside["float32"] == {"SOFTMAX": 1, **sums}, record
        assert "EXP" not in inside["int8"], record


def test_the_corpus_covers_what_architectures_use(corpus: dict[int, Record]) -> None:
    layers = {layer for record in corpus.values() for layer in record["layers"]}
    assert layers >= {
        *(
            "Conv2D",
            "DepthwiseConv2D",
            "SeparableConv2D",
            "Dense",
            "BatchNormalization",
            "Add",
            "Concatenate",
        ),
        *("MaxPooling2D", "AveragePooling2D", "Flatten", "Dropout", "Rescaling", "Softmax", "Activation"),
    }
    activations = {activation for record in corpus.values() for activation in record["activations"]}
    assert activations >= {"selu", "relu", "hard_silu", "leaky_relu", "softmax"}
    assert {record["kind"] for record in corpus.values()} == {"Sequential", "Functional"}
    assert len({tuple(record["shape"]) for record in corpus.values()}) >= 4
    plain = [record for record in corpus.values() if "BatchNormalization" not in record["layers"]]
    assert 8 <= len(plain) <= 24
