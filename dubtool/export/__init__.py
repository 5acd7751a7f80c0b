"""torch networks and authors' checkpoints to ONNX graphs. Needs the extra `train`."""
