from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_onnx_runtime_reports_to_nobody(tmp_path: Path) -> None:
    # Telemetry shows by a session file in the folder of temporary files and a device identifier in the home folder.
    program = (
        "from dubtool.engine.session import Session\nfrom dubtool.weights import find\nSession(find('yunet'), 'cpu')"
    )
    unset = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "XDG_CACHE_HOME", "DUBTOOL_WEIGHTS")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {
        "TMPDIR": str(tmp_path),
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
