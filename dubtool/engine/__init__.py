"""ONNX Runtime sessions, devices and precision; threads and queues."""

from __future__ import annotations

import os

# From 1.29 on ONNX Runtime reports sessions, models and errors to Microsoft unless told not to before it is loaded. A
# tool that handles people's faces reports to nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
