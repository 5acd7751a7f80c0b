"""The dubbing generator at work: two ONNX graphs, one run per video and one per batch of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.crop import CropSize
from dubtool.face.draw import landmark_picture

# Standard deviation of the unsharp mask, in sides of the mouth box: 1.2 px of 128.
_SHARPEN_SIGMA = 1.2 / 128


@dataclass(frozen=True)
class GeneratorSpec:
    """What a generator wants, as its file says.

    mouth: side of the mouth box, px. conditioning: "shape", or the kind of speech features. steps: neighbouring
    conditioning vectors per frame, 1/25 s apart, and 1/80 s for "mel". drawing: whether a drawn mouth goes in beside
    the masked crop. at_rest: that one is not the mouth to be made, but the person's at rest.
    hidden: the part of the unit crop that is masked: top, bottom, left, right in radii. sharpen: amount of unsharp
    masking that brings its pictures to the sharpness of real ones, as measured on people it never saw.
    """

    mouth: int
    conditioning: str
    steps: int
    drawing: bool
    hidden: tuple[float, float, float, float]
    sharpen: float = 0.0
    at_rest: bool = False

    @property
    def outlined(self) -> bool:
        """Whether the outline of the new mouth is known before it is made."""
        return self.conditioning == "shape" or (self.drawing and not self.at_rest)

    @property
    def size(self) -> CropSize:
        return CropSize(self.mouth)

    @property
    def hidden_box(self) -> tuple[slice, slice]:
        """Rows and columns of the crop that the network does not see."""
        return self.size.part(self.hidden)


class Generator:
    """DINet or G4G for one face. `set_references` first, then `generate` for each batch.

    once, frame: the files that `dubtool.export.dinet` or `export_g4g` writes. The other arguments are
    `Session`'s.

    Raises:
        WeightsError: the files are no generator of this kind.
        DeviceError: the device is not usable.
    """

    def __init__(
        self, once: Path, frame: Path, *, device: str = "auto", precision: str = "auto", threads: int | None = None
    ) -> None:
        self._once = Session(once, device, precision, threads)
        self._frame = Session(frame, device, precision, threads)
        told = self._frame.metadata
        graphs = self._once.metadata.get("graph"), told.get("graph")
        if told.get("network") not in ("dinet", "g4g") or graphs != ("once", "frame"):
            raise WeightsError(f"{frame.name}: not a dubbing generator; see 'dubtool weights list'")
        self._aligned = told["network"] == "g4g"
        self._drawn = int(told.get("landmark_channels", 1)) > 1
        self.spec = GeneratorSpec(
            mouth=int(told["mouth"]),
            conditioning=str(told.get("conditioning", "deepspeech")),
            steps=int(told["audio_steps"]),
            drawing=self._aligned or int(told["source_channels"]) > 3,
            hidden=tuple(told.get("hidden", (0.0, 2.0, -1.0, 1.0))),
            sharpen=float(told.get("sharpen", 0.0)),
            at_rest=told.get("landmarks") == "rest",
        )
        self.device = str(self._frame.device)
        self._constant: dict[str, np.ndarray] = {}

    def set_references(self, crops: np.ndarray) -> None:
        """Crops of the references uint8 [5, H, W, 3]; kept until the next call."""
        stacked = crops.transpose(0, 3, 1, 2).reshape(1, -1, *crops.shape[1:3]).astype(np.float32) / 255
        self._constant = self._once.run({"reference": stacked})

    def generate(self, crops: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None = None) -> np.ndarray:
        """Mouth boxes float32 [B, m, m, 3] in 0..255.

        crops: uint8 [B, H, W, 3]. conditions: float32 [B, K, steps]. drawings: uint8 [B, 3, H, W] where the spec has
        them.
        """
        masked = crops.copy()
        rows, columns = self.spec.hidden_box
        masked[:, rows, columns] = 0
        source = masked.transpose(0, 3, 1, 2)
        feeds = self._aligned_feeds if self._aligned else self._feeds
        made = (
            self._frame.run(feeds(source, conditions, drawings) | self._constant)["mouth"].transpose(0, 2, 3, 1) * 255
        )
        return np.stack([self._sharpened(mouth) for mouth in made]) if self.spec.sharpen else made

    def _feeds(self, source: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None) -> dict[str, np.ndarray]:
        if drawings is not None:
            source = np.concatenate([source, drawings], axis=1)
        return {"source": source.astype(np.float32) / 255, "audio": conditions.astype(np.float32)}

    def _aligned_feeds(
        self, source: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """G4G's: the drawing is a picture of its own, and the speech goes forward along the first axis."""
        if drawings is None:
            raise ValueError("this generator needs drawings")
        return {
            "source": source.astype(np.float32) / 255,
            "landmarks": (drawings if self._drawn else landmark_picture(drawings)).astype(np.float32) / 255,
            "mel": np.ascontiguousarray(conditions.transpose(0, 2, 1), np.float32),
        }

    def _sharpened(self, mouth: np.ndarray) -> np.ndarray:
        soft = cv2.GaussianBlur(mouth, (0, 0), _SHARPEN_SIGMA * self.spec.mouth)
        return np.clip(mouth + np.float32(self.spec.sharpen) * (mouth - soft), 0, 255)
