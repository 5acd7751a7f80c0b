from __future__ import annotations

import os
from pathlib import Path

from dubtool.media.temporary_output import claim, remove_abandoned


def test_only_files_whose_writer_is_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    left, gone = claim(tmp_path / "a.mp4")
    kept, held = claim(tmp_path / "a.mp4")
    os.close(gone)
    remove_abandoned(tmp_path)
    assert not left.exists()
    assert kept.exists() and kept.suffix == ".mp4" and kept.name.startswith(".")
    os.close(held)
    remove_abandoned(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    remove_abandoned(tmp_path / "none")
