"""What makes a portrait move: landmarks transferred from the driver's, or a network that looks at the driver's face."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dubtool.face.crop import warp
from dubtool.face.picture import within
from dubtool.face.portrait_crop import portrait_crop
from dubtool.face.shape import ShapeModel
from dubtool.face.transfer import MotionTransfer
from dubtool.jobs.reenact.driver import Driver, Look
from dubtool.jobs.reenact.portrait import Canvas
from dubtool.jobs.shared.options import ReenactOptions
from dubtool.media.sampling import bounds
from dubtool.models.animator import Animator
from dubtool.models.keypoint_animator import KeypointAnimator, KeypointTransfer


class MotionSource(Protocol):
    """One driver's moves for one portrait. rest: the move that leaves the portrait as it is, float32 [N, 3]."""

    @property
    def rest(self) -> np.ndarray: ...

    def target(self, look: Look) -> np.ndarray | None:
        """The move float32 [N, 3] for a driver's frame, None where no face is seen in it."""
        ...

    def pictures(self, moves: np.ndarray) -> np.ndarray:
        """Crops float32 [B, S, S, 3] in 0..255 of the portrait after moves [B, N, 3]."""
        ...

    def places(self, move: np.ndarray) -> np.ndarray:
        """Where in the crop the points of a move are [N, 2 or more], px."""
        ...


class LandmarkMotion:
    """`MotionSource` by landmarks in px of the crop. reference: the driver's look that is the portrait's own."""

    def __init__(
        self,
        animator: Animator,
        canvas: Canvas,
        driver: Driver,
        reference: Look,
        shapes: ShapeModel,
        options: ReenactOptions,
    ) -> None:
        assert reference.landmarks is not None
        self._animator, self.rest = animator, canvas.landmarks
        animator.set_portrait(canvas.crop, canvas.landmarks)
        self._transfer = MotionTransfer(
            canvas.landmarks,
            reference.landmarks,
            shapes,
            side=animator.side,
            eyes=driver.eyes,
            relative=options.motion == "relative",
            turn=(options.pitch, options.yaw, options.roll),
        )

    def target(self, look: Look) -> np.ndarray | None:
        """See `MotionSource.target`."""
        return None if look.landmarks is None else self._transfer.target(look.landmarks)

    def pictures(self, moves: np.ndarray) -> np.ndarray:
        """See `MotionSource.pictures`."""
        return self._animator.animate(moves)

    def places(self, move: np.ndarray) -> np.ndarray:
        """See `MotionSource.places`."""
        return move


class KeypointMotion:
    """`MotionSource` by learned keypoints, read from the driver's pictures.

    Each shot of the driver is cropped by one square that does not move, as the network's training videos were: around
    the face in the reference, or in the first frame of any other shot. aspect: of the driver's pixels.
    """

    def __init__(
        self, animator: KeypointAnimator, canvas: Canvas, reference: Look, aspect: float, options: ReenactOptions
    ) -> None:
        self._animator, self._aspect = animator, aspect
        self._crops: dict[int, np.ndarray] = {}
        animator.set_portrait(canvas.crop)
        self.rest = animator.source
        start = self._seen(reference)
        assert start is not None
        self._transfer = KeypointTransfer(
            animator, start, relative=options.motion == "relative", turn=(options.yaw, options.pitch, options.roll)
        )

    def target(self, look: Look) -> np.ndarray | None:
        """See `MotionSource.target`."""
        picture = self._seen(look)
        return None if picture is None else self._transfer.target(picture)

    def pictures(self, moves: np.ndarray) -> np.ndarray:
        """See `MotionSource.pictures`."""
        return self._animator.animate(moves)

    def places(self, move: np.ndarray) -> np.ndarray:
        """See `MotionSource.places`."""
        return np.asarray((move + 1) / 2 * (self._animator.side - 1))

    def _seen(self, look: Look) -> np.ndarray | None:
        """The driver's face uint8 [S, S, 3]; None if it is not seen."""
        if look.landmarks is None:
            return None
        side, frame = self._animator.side, look.frame
        if look.shot not in self._crops:
            in_frame = look.landmarks[:, :2] / (self._aspect, 1.0)
            self._crops[look.shot] = portrait_crop(in_frame, side, self._aspect)
        to_crop = self._crops[look.shot]
        box = bounds(to_crop, side, side, frame.width, frame.height)
        return warp(frame.rgb(box), within(to_crop, box), side, side)
