"""The reenactment network with learned keypoints at work: it reads the driver's pictures, and needs no landmarks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from dubtool.face.learned_keypoints import Posture, posed, relative_scale
from dubtool.models.graphs import Graphs

_POSTURE = ("angles", "translation", "expression")


class KeypointAnimator:
    """A portrait driven by keypoints in 3-D, -1..1. `set_portrait` first, then `animate` for each batch.

    graphs: those that `dubtool.export.adasr_learned` writes. side: of the crops, px: the network's own, whatever is
    asked for.
    """

    graphs: ClassVar[tuple[str, ...]] = ("keypoints", "once", "frame")
    refusal: ClassVar[str] = "not a network with learned keypoints; see 'dubtool weights list'"

    def __init__(self, graphs: Graphs, side: int = 0) -> None:
        self._graphs = graphs
        self.side = int(graphs.metadata["side"])
        self.device = graphs.device

    def set_portrait(self, picture: np.ndarray) -> None:
        """picture: the upright crop of `portrait_crop`, uint8 [S, S, 3]. Kept until the next call."""
        image = _image(picture)
        self._portrait = self._graphs.run("once", {"image": image, **self._graphs.run("keypoints", {"image": image})})
        self.canonical = self._portrait.pop("canonical")[0]

    @property
    def source(self) -> np.ndarray:
        """The portrait's own keypoints float32 [K, 3]."""
        return self._portrait["source"][0]

    def posture(self, picture: np.ndarray) -> Posture:
        """Head pose and expression in a picture of a face, cropped as the portrait is, uint8 [S, S, 3]."""
        found = self._graphs.run("keypoints", {"image": _image(picture)})
        return Posture(*(found[name][0] for name in _POSTURE))

    def animate(self, driven: np.ndarray) -> np.ndarray:
        """The portrait with its keypoints at other places [B, K, 3]: float32 [B, S, S, 3] in 0..255."""
        made = self._graphs.run_frames({"driven": driven.astype(np.float32)}, self._portrait)["picture"]
        return made.transpose(0, 2, 3, 1) * 255


class KeypointTransfer:
    """From one driver to the portrait that `animator` has, both told by `animator.posture`.

    start: the driver's picture that stands for the portrait as it is, uint8 [S, S, 3]. relative: keypoints move as
    they have moved since then, scaled by the root of the ratio of the hulls' volumes; otherwise the portrait takes over
    the driver's head pose and expression. turn: degrees of yaw, pitch and roll that are added to the driver's head, to
    the picture's right, chin up and clockwise.
    """

    def __init__(
        self,
        animator: KeypointAnimator,
        start: np.ndarray,
        *,
        relative: bool = True,
        turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self._animator, self._relative = animator, relative
        yaw, pitch, roll = turn
        # The network was taught angles by Hopenet (Ruiz et al., CVPRW 2018), whose yaw grows to the picture's left.
        self._turn = np.array([-yaw, pitch, roll])
        self._start = posed(animator.canonical, animator.posture(start))
        self._scale = relative_scale(animator.source, self._start)

    def target(self, picture: np.ndarray) -> np.ndarray:
        """Keypoints of the portrait float32 [K, 3] for a picture of the driver uint8 [S, S, 3]."""
        seen = self._animator.posture(picture)
        driven = posed(self._animator.canonical, seen._replace(angles=seen.angles + self._turn))
        if not self._relative:
            return driven
        return (self._animator.source + self._scale * (driven - self._start)).astype(np.float32)


def _image(picture: np.ndarray) -> np.ndarray:
    return picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
