"""AdaSR: one-shot reenactment, three networks that the authors keep in one checkpoint."""

from __future__ import annotations

from torch import Tensor, nn

from dubtool.networks.adasr_generator import Generator
from dubtool.networks.adasr_keypoints import KeypointDetector
from dubtool.networks.adasr_pose import PoseEstimator, posed_keypoints


class AdaSR(nn.Module):
    """The three networks at their published sizes, or those given.

    Raises ValueError if they were made for different numbers of keypoints.
    """

    def __init__(
        self,
        generator: Generator | None = None,
        kp_detector: KeypointDetector | None = None,
        he_estimator: PoseEstimator | None = None,
    ) -> None:
        super().__init__()
        self.generator = generator or Generator()
        self.kp_detector = kp_detector or KeypointDetector()
        self.he_estimator = he_estimator or PoseEstimator()
        counts = {
            self.generator.dense_motion_network.mask.out_channels - 1,
            self.kp_detector.kp.out_channels,
            self.he_estimator.fc_exp.out_features // 3,
        }
        if len(counts) > 1:
            raise ValueError(f"the networks disagree on the number of keypoints: {sorted(counts)}")

    def keypoints(self, canonical: Tensor, image: Tensor) -> Tensor:
        """The source's canonical keypoints [B, K, 3] in the pose of `image` [B, 3, H, W], RGB 0..1 -> [B, K, 3]."""
        return posed_keypoints(canonical, self.he_estimator(image))

    def forward(self, source: Tensor, driving: Tensor) -> Tensor:
        """Absolute motion: the face of `source` in the pose and expression of `driving`, all [B, 3, H, W], RGB 0..1."""
        canonical = self.kp_detector(source)
        return self.generator(source, self.keypoints(canonical, source), self.keypoints(canonical, driving))
