"""MediaPipe's Face Landmarker as ONNX: `python -m dubtool.export.face_landmarker face_landmarker.task weights`.

The author's file is an archive of TensorFlow Lite networks, of which the detector of the short range and the mesh are
taken over, weight by weight. ONNX Runtime runs them in two thirds of the time that MediaPipe's task takes.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

from dubtool.errors import WeightsError
from dubtool.export.tflite import tflite_to_onnx

FILE = "face_landmarker.zip"
# The names within the archive that `tracking.landmarks` reads.
_PARTS = {
    "region.onnx": ("face_detector.tflite", ("boxes", "scores"), 2 / 255, -1.0),
    "mesh.onnx": ("face_landmarks_detector.tflite", ("mesh", "presence", "other"), 1 / 255, 0.0),
}
# Archives of the same content are to be the same bytes.
_WHEN = (1980, 1, 1, 0, 0, 0)


def export_face_landmarker(task: Path, folder: Path) -> Path:
    """Write `FILE` into `folder`, of the author's `task`.

    Raises:
        WeightsError: it is another file.
    """
    written = folder / FILE
    content = io.BytesIO()
    try:
        with zipfile.ZipFile(task) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
            for part, (member, outputs, scale, offset) in _PARTS.items():
                model = tflite_to_onnx(source.read(member), outputs, name=member, scale=scale, offset=offset)
                target.writestr(zipfile.ZipInfo(part, _WHEN), model.SerializeToString(), zipfile.ZIP_DEFLATED)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{task}: not MediaPipe's face_landmarker.task ({error})") from error
    written.write_bytes(content.getvalue())
    return written


if __name__ == "__main__":
    export_face_landmarker(Path(sys.argv[1]), Path(sys.argv[2]))
