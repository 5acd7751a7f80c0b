from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dubtool.engine.session import DESCRIPTOR_KEY, Session
from dubtool.errors import WeightsError
from dubtool.jobs.shared.options import PAINTER
from dubtool.models.generator import Generator
from dubtool.models.registry import open_generator
from dubtool.weights.locate import find, find_graphs


@pytest.fixture(scope="module")
def generator() -> Generator:
    return open_generator(*find_graphs(PAINTER, on_cpu=True), device="cpu", threads=1)


def inputs(generator: Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    size = generator.spec.size
    smooth = cv2.GaussianBlur(rng.uniform(0, 255, (size.height, size.width, 3)), (0, 0), 6)
    crops = np.repeat(np.clip(128 + 4 * (smooth - 128), 0, 255).astype(np.uint8)[None], count, axis=0)
    drawings = np.zeros((count, 3, size.height, size.width), np.uint8)
    return crops, np.zeros((count, 12, 5), np.float32), drawings


def test_mouths_have_the_size_and_range_that_the_spec_says(generator: Generator) -> None:
    crops, conditions, drawings = inputs(generator, 3)
    generator.set_references(np.repeat(crops[:1], 5, axis=0))
    made = generator.generate(crops, conditions, drawings)
    side = generator.spec.mouth
    assert made.shape == (3, side, side, 3)
    assert made.min() >= 0 and made.max() <= 255
    # One picture does not depend on its neighbours in the batch.
    np.testing.assert_allclose(made[0], generator.generate(crops[:1], conditions[:1], drawings[:1])[0], atol=0.5)


def test_a_cpu_is_given_one_frame_at_a_time(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory must not grow with the mouths of a batch."""
    crops, conditions, drawings = inputs(generator, 3)
    generator.set_references(np.repeat(crops[:1], 5, axis=0))
    given, run = [], Session.run

    def noted(session: Session, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given.append(len(feeds["source"]))
        return run(session, feeds)

    monkeypatch.setattr(Session, "run", noted)
    assert len(generator.generate(crops, conditions, drawings)) == 3
    assert given == [1, 1, 1]


def test_what_is_hidden_is_not_seen(generator: Generator) -> None:
    """Whatever the source's mouth does, the made one does not change."""
    crops, conditions, drawings = inputs(generator, 1)
    generator.set_references(np.repeat(crops, 5, axis=0))
    before = generator.generate(crops, conditions, drawings)
    rows, columns = generator.spec.hidden_box
    crops[:, rows, columns] = 255
    np.testing.assert_array_equal(generator.generate(crops, conditions, drawings), before)


def test_references_and_the_drawing_matter(generator: Generator) -> None:
    crops, conditions, drawings = inputs(generator, 1)
    generator.set_references(np.repeat(crops, 5, axis=0))
    before = generator.generate(crops, conditions, drawings)
    drawings[:, 0, 90:110, 60:100] = 255
    assert np.abs(generator.generate(crops, conditions, drawings) - before).max() > 5
    drawings[:] = 0
    generator.set_references(np.repeat(255 - crops, 5, axis=0))
    assert np.abs(generator.generate(crops, conditions, drawings) - before).max() > 5


def test_sharpening_raises_the_contrast_of_detail_only(generator: Generator) -> None:
    crops, conditions, drawings = inputs(generator, 1)
    generator.set_references(np.repeat(crops, 5, axis=0))
    spec = generator.spec
    try:
        generator.spec = replace(spec, sharpen=0.0)
        plain = generator.generate(crops, conditions, drawings)[0]
        generator.spec = replace(spec, sharpen=1.0)
        sharp = generator.generate(crops, conditions, drawings)[0]
    finally:
        generator.spec = spec
    assert cv2.Laplacian(sharp, cv2.CV_32F).var() > 1.5 * cv2.Laplacian(plain, cv2.CV_32F).var()
    assert abs(sharp.mean() - plain.mean()) < 1.0


def test_other_networks_are_refused() -> None:
    with pytest.raises(WeightsError, match="not a dubbing generator"):
        open_generator(find("whisper"), find("whisper"), device="cpu")


def test_what_comes_back_is_the_faces_mouth_box_in_its_colours(tmp_path: Path) -> None:
    """Wav2Lip's square and back: a graph that repeats the reference gives the reference's mouth box."""
    pictures = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sizes])
        for name, sizes in {
            "source": (3, 96, 96),
            "reference": (3, 96, 96),
            "mel": (1, 80, 16),
            "face": (3, 96, 96),
        }.items()
    }
    graph = helper.make_graph(
        [
            helper.make_node("Shape", ["source"], ["shape"]),
            helper.make_node("Expand", ["reference", "shape"], ["face"]),
        ],
        "frame",
        [pictures["source"], pictures["reference"], pictures["mel"]],
        [pictures["face"]],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    told = {"network": "wav2lip", "graph": "frame", "side": 96, "mouth": 80, "conditioning": "mel", "audio_steps": 16}
    told |= {"reference_channels": 3, "hidden": [0.625, 2.25, -1.25, 1.25]}
    helper.set_model_props(model, {DESCRIPTOR_KEY: json.dumps(told)})
    onnx.save(model, tmp_path / "square_frame.onnx")
    generator = open_generator(tmp_path / "square_frame.onnx", device="cpu")
    crops = inputs(generator, 2)[0]
    crops[..., 2] //= 2
    generator.set_references(crops[:1])
    made = generator.generate(255 - crops, np.zeros((2, 80, 16), np.float32))
    assert made.shape == (2, 80, 80, 3)
    assert np.abs(made[1] - crops[0][generator.spec.size.box]).mean() < 3


def test_a_graph_whose_other_half_is_missing_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"_frame\.onnx: the graphs once, frame make the network, here is frame"):
        open_generator(find_graphs(PAINTER)[-1], device="cpu")
