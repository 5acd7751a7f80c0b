"""LPIPS (AlexNet, v0.1) from its published weights to one ONNX file with half-precision weights.

python -m dubtool.export.lpips alexnet_features.safetensors alex.pth weights/lpips_alex.onnx

alex.pth holds the linear heads: it is lpips/weights/v0.1/alex.pth of the package `lpips` (BSD-2-Clause).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file

from dubtool.export.graph import export_traced
from dubtool.networks.lpips import WIDTHS, Lpips


def load_lpips(features: Path, heads: Path) -> Lpips:
    """The network with AlexNet's features (torchvision keys) and the linear heads of the package `lpips`."""
    state = {key: value.float() for key, value in load_file(features).items() if key.startswith("features.")}
    linear = torch.load(heads, map_location="cpu", weights_only=True)
    state |= {f"heads.{index}": linear[f"lin{index}.model.1.weight"].float() for index in range(len(WIDTHS))}
    network = Lpips()
    network.load_state_dict(state, strict=True)
    return network.eval()


def export_lpips(network: Lpips, path: Path, origin: str) -> None:
    """Write the network as ONNX: inputs "image" and "truth" [N, 3, H, W] in -1..1, output "distance" [N]."""
    axes = {0: "pictures", 2: "height", 3: "width"}
    export_traced(
        network,
        {name: torch.zeros(1, 3, 64, 64) for name in ("image", "truth")},
        path,
        outputs=("distance",),
        dynamic={"image": axes, "truth": axes, "distance": {0: "pictures"}},
        descriptor={"kind": "metric", "network": "lpips-alex", "version": "0.1", "origin": origin},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", type=Path)
    parser.add_argument("heads", type=Path)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--origin", default="torchvision AlexNet (BSD-3-Clause) and LPIPS v0.1 heads (BSD-2-Clause)")
    arguments = parser.parse_args()
    export_lpips(load_lpips(arguments.features, arguments.heads), arguments.onnx, arguments.origin)


if __name__ == "__main__":
    main()
