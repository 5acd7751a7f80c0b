"""The interface of dubbing generators: what one wants, and what it makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from dubtool.face.crop import CropSize
from dubtool.models.graphs import Graphs

# Conditioning by mouth shapes; every other is a kind of speech features.
SHAPE = "shape"
# Standard deviation of the unsharp mask, in sides of the mouth box: 1.2 px of 128.
_SHARPEN_SIGMA = 1.2 / 128


@dataclass(frozen=True)
class GeneratorSpec:
    """What a generator wants, as its file says.

    mouth: side of the mouth box, px. conditioning: `SHAPE`, or the kind of speech features. steps: neighbouring
    conditioning vectors per frame, as far apart as their kind says. drawing: whether a drawn mouth goes in beside
    the masked crop. at_rest: that one is not the mouth to be made, but the person's at rest.
    hidden: the part of the unit crop that is masked: top, bottom, left, right in radii. sharpen: amount of unsharp
    masking that brings its pictures to the sharpness of real ones, as measured on people it never saw.
    references: how many pictures of the person it is shown. lead: seconds from a frame to the middle of the sound that
    it is made from.
    """

    mouth: int
    conditioning: str
    steps: int
    drawing: bool
    hidden: tuple[float, float, float, float]
    sharpen: float = 0.0
    at_rest: bool = False
    references: int = 5
    lead: float = 0.0

    @classmethod
    def told(cls, metadata: Mapping[str, Any], *, drawing: bool) -> GeneratorSpec:
        """What the metadata of the frame's graph tells."""
        return cls(
            mouth=int(metadata["mouth"]),
            conditioning=str(metadata.get("conditioning", "deepspeech")),
            steps=int(metadata["audio_steps"]),
            drawing=drawing,
            hidden=tuple(metadata.get("hidden", (0.0, 2.0, -1.0, 1.0))),
            sharpen=float(metadata.get("sharpen", 0.0)),
            at_rest=metadata.get("landmarks") == "rest",
            references=int(metadata["reference_channels"]) // 3,
            lead=float(metadata.get("lead", 0.0)),
        )

    @property
    def outlined(self) -> bool:
        """Whether the outline of the new mouth is known before it is made."""
        return self.conditioning == SHAPE or (self.drawing and not self.at_rest)

    @property
    def size(self) -> CropSize:
        return CropSize(self.mouth)

    @property
    def hidden_box(self) -> tuple[slice, slice]:
        """Rows and columns of the crop that the network does not see."""
        return self.size.part(self.hidden)


class Generator(ABC):
    """Draws mouths of one face: `set_references` first, then `generate` for each batch. `registry.open_generator` opens
    one.

    A network's class says how its own inputs are made of crops and conditions. spec: what it is to be given. device:
    where it runs.
    """

    graphs: ClassVar[tuple[str, ...]] = ("once", "frame")
    refusal: ClassVar[str] = "not a dubbing generator; see 'dubtool weights list'"

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self.spec = GeneratorSpec.told(graphs.metadata, drawing=self._draws(graphs.metadata))
        self.device = graphs.device
        self._constant: dict[str, np.ndarray] = {}

    def set_references(self, crops: np.ndarray) -> None:
        """Crops of the references uint8 [spec.references, H, W, 3]; kept until the next call."""
        stacked = crops.transpose(0, 3, 1, 2).reshape(1, -1, *crops.shape[1:3]).astype(np.float32) / 255
        self._constant = self._graphs.run("once", {"reference": stacked})

    def generate(self, crops: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None = None) -> np.ndarray:
        """Mouth boxes float32 [B, m, m, 3] in 0..255.

        crops: uint8 [B, H, W, 3]. conditions: float32 [B, K, steps]. drawings: uint8 [B, 3, H, W] where the spec has
        them.
        """
        masked = crops.copy()
        rows, columns = self.spec.hidden_box
        masked[:, rows, columns] = 0
        made = self._mouths(masked, conditions, drawings)
        return np.stack([self._sharpened(mouth) for mouth in made]) if self.spec.sharpen else made

    @staticmethod
    @abstractmethod
    def _draws(metadata: Mapping[str, Any]) -> bool:
        """Whether a network that tells so is shown drawings."""

    @abstractmethod
    def _feeds(self, source: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None) -> dict[str, np.ndarray]:
        """Inputs of the frame's graph. source: masked crops uint8 [B, 3, H, W]; the others as in `generate`."""

    def _mouths(self, masked: np.ndarray, conditions: np.ndarray, drawings: np.ndarray | None) -> np.ndarray:
        """`generate` of masked crops uint8 [B, H, W, 3], without sharpening."""
        feeds = self._feeds(masked.transpose(0, 3, 1, 2), conditions, drawings)
        made = self._graphs.run_frames(feeds, self._constant)["mouth"]
        return np.asarray(made.transpose(0, 2, 3, 1) * 255)

    def _sharpened(self, mouth: np.ndarray) -> np.ndarray:
        soft = cv2.GaussianBlur(mouth, (0, 0), _SHARPEN_SIGMA * self.spec.mouth)
        return np.clip(mouth + np.float32(self.spec.sharpen) * (mouth - soft), 0, 255)
