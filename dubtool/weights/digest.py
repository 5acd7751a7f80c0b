"""`python -m dubtool.weights.digest FILE...`: size and sha256 as lines for the registry (a tool for developers)."""

from __future__ import annotations

import sys
from pathlib import Path

from dubtool.weights.verify import sha256_of

if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        sys.stdout.write(f'file = "{path.name}"\nsize = {path.stat().st_size}\nsha256 = "{sha256_of(path)}"\n')
