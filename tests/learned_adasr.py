"""A small AdaSR with learned keypoints, in the layout of the authors' own."""

from __future__ import annotations

from pathlib import Path

import torch

from dubtool.export.adasr_learned import export_learned_adasr
from dubtool.networks.adasr import AdaSR
from dubtool.networks.adasr_generator import Generator
from dubtool.networks.adasr_keypoints import KeypointDetector
from dubtool.networks.adasr_pose import PoseEstimator
from dubtool.weights.registry import Entry, add_local
from dubtool.weights.verify import sha256_of

SIDE, KEYPOINTS = 64, 5


def small_adasr() -> AdaSR:
    """In evaluation mode, with batch norms that have seen pictures."""
    torch.manual_seed(1)
    net = AdaSR(
        Generator(KEYPOINTS, 8, 4, 3, 1, motion_width=4, motion_largest=16, motion_blocks=2, motion_channels=2),
        KeypointDetector(KEYPOINTS, width=4, largest=16, blocks=2, depth=3),
        PoseEstimator(KEYPOINTS, width=4),
    )
    # Keypoints that all lie in the middle would hide mistakes.
    torch.nn.init.normal_(net.kp_detector.kp.weight, 0, 0.5)
    with torch.no_grad():
        for _ in range(3):
            net.train()(pictures(2), pictures(2).flip(-1))
    return net.eval()


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    rough = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(rough, size=SIDE, mode="bilinear")


def write_graphs(folder: Path, name: str) -> tuple[str, str, str]:
    """The three graphs of `small_adasr` as weights `name`, registered in `folder`; gives their names."""
    net = small_adasr()
    # Pictures have taught it nothing: what it sees in them is too little to move anything.
    net.he_estimator.fc_exp.weight.data *= 100
    files = {graph: folder / f"{name}_{graph}.onnx" for graph in ("keypoints", "once", "frame")}
    folder.mkdir(parents=True, exist_ok=True)
    export_learned_adasr(net, *files.values(), side=SIDE, descriptor={})
    for path in files.values():
        digest = sha256_of(path)
        add_local(folder, Entry(path.stem, path.name, "reenactment", "a small one", "a test", "none", sha256=digest))
    return f"{name}_keypoints", f"{name}_once", f"{name}_frame"
