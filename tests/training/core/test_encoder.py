from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dubtool.errors import WeightsError
from dubtool.export.whisper import export_encoder
from dubtool.networks.whisper import WhisperEncoder
from dubtool.training.core.encoder import read_encoder


def test_a_written_encoder_is_read_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = WhisperEncoder(mels=8, context=40, width=128, heads=2, layers=2).eval()
    # Equal tensors would be stored once.
    for tensor in net.state_dict().values():
        torch.nn.init.normal_(tensor, std=0.1)
    export_encoder(net, tmp_path / "encoder.onnx", "nobody")
    read = read_encoder(tmp_path / "encoder.onnx")
    mel = torch.randn(2, 8, 60)
    with torch.no_grad():
        for mine, theirs in zip(read(mel), net(mel), strict=True):
            # Weights are stored in half precision.
            assert (mine - theirs).abs().max() < 2e-2
    assert not any(parameter.requires_grad for parameter in read.parameters())


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match="not a Whisper encoder"):
        read_encoder(tmp_path / "other.onnx")


def test_a_window_may_lie_anywhere_in_the_table_of_positions() -> None:
    torch.manual_seed(0)
    net = WhisperEncoder(mels=8, context=40, width=16, heads=1, layers=1).eval()
    torch.nn.init.normal_(net.positional_embedding)
    mel = torch.randn(1, 8, 20)
    with torch.no_grad():
        later = net.at(mel, 7)[0]
        net.positional_embedding.copy_(net.positional_embedding.roll(-7, 0))
        assert torch.equal(net(mel)[0], later)
