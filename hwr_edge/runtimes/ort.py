"""ONNX Runtime, on the CPU or on CUDA."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from hwr_edge.errors import DeviceError

_SILENT = 4  # failures come back as exceptions; the library's own lines on stderr add nothing
_GPU = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


class OnnxRuntime:
    """A session; `device` is read back from it, not assumed."""

    name = "onnxruntime"

    def __init__(self, session: ort.InferenceSession) -> None:
        self.device = "cuda" if session.get_providers()[0] == _GPU else "cpu"
        self._run = session.run
        self._input = session.get_inputs()[0].name
        self._outputs = [session.get_outputs()[0].name]
        self._float = session.get_inputs()[0].type != "tensor(uint8)"

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Runtime.run`."""
        feed = batch.astype(np.float32) if self._float else batch
        answer: NDArray[np.float32] = self._run(self._outputs, {self._input: feed})[0]
        return answer


def open_model(path: Path, device: str, threads: int) -> OnnxRuntime:
    """Open `path`; "cuda" that cannot be had is an error, "auto" takes it where the package offers it."""
    offered = _GPU in ort.get_available_providers()
    if device == "cuda" and not offered:
        raise DeviceError(
            "this onnxruntime has no CUDA: use --device cpu, or replace it:"
            ' pip uninstall onnxruntime && pip install "hwr-edge[gpu]"'
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    gpu = offered and device != "cpu"
    if gpu:
        ort.set_default_logger_severity(_SILENT)
    session = ort.InferenceSession(str(path), options, providers=[_GPU, _CPU] if gpu else [_CPU])
    session.disable_fallback()
    runtime = OnnxRuntime(session)
    if device == "cuda" and runtime.device != "cuda":
        raise DeviceError("onnxruntime could not start CUDA (no driver or cuDNN?): use --device cpu")
    return runtime
