"""`python -m dubtool`."""

from __future__ import annotations

import sys

from dubtool.cli import main

sys.exit(main())
