"""What a program shows on a terminal."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence


def shown_by(command: Sequence[str], stream: str, environment: Mapping[str, str]) -> str:
    """Run a command whose `stream` ("stdout" or "stderr") is a terminal; what it wrote there. It must end well.

    environment: beside the present one.
    """
    ours, theirs = os.openpty()
    streams = {stream: theirs}
    with subprocess.Popen(command, env=os.environ | environment, **streams) as process:
        os.close(theirs)
        # A terminal holds some pages only: whoever writes more waits until they are read. Its end is an OSError.
        text = b""
        with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as shown:
            while part := shown.read(1 << 12):
                text += part
    assert process.returncode == 0
    return text.decode()
