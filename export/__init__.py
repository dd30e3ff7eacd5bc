"""From a trained `.keras` file to ONNX and TFLite files, run and measured: `python -m export --help`."""
