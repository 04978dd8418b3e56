"""ONNX in, program out: load, simplify, quantise, lower. Only this package imports onnx."""
