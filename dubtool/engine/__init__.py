"""ONNX Runtime sessions, devices and precision; export from torch."""
