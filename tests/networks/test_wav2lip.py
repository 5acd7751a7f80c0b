from __future__ import annotations

import torch

from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.wav2lip import Wav2Lip


def test_the_published_sizes() -> None:
    """Names and shapes of the checkpoint's tensors, at the seams where one block meets another."""
    with torch.device("meta"):
        state = {name: tuple(value.shape) for name, value in Wav2Lip().state_dict().items()}
    wanted = {
        "face_encoder_blocks.0.0.conv_block.0.weight": (16, 6, 7, 7),
        "face_encoder_blocks.2.3.conv_block.0.weight": (64, 64, 3, 3),
        "face_encoder_blocks.5.0.conv_block.0.weight": (512, 256, 3, 3),
        "face_encoder_blocks.6.1.conv_block.1.running_var": (512,),
        "audio_encoder.0.conv_block.0.weight": (32, 1, 3, 3),
        "audio_encoder.9.conv_block.0.weight": (256, 128, 3, 3),
        "audio_encoder.12.conv_block.0.weight": (512, 512, 1, 1),
        "face_decoder_blocks.0.0.conv_block.0.weight": (512, 512, 1, 1),
        "face_decoder_blocks.1.0.conv_block.0.weight": (1024, 512, 3, 3),
        "face_decoder_blocks.3.0.conv_block.0.weight": (768, 384, 3, 3),
        "face_decoder_blocks.6.0.conv_block.0.weight": (160, 64, 3, 3),
        "face_decoder_blocks.6.2.conv_block.0.bias": (64,),
        "output_block.0.conv_block.0.weight": (32, 80, 3, 3),
        "output_block.1.weight": (3, 32, 1, 1),
    }
    assert {name: state.get(name) for name in wanted} == wanted
    # 50 convolutions with a batch norm each, and the last alone.
    assert len(state) == 50 * 7 + 2


def test_all_three_inputs_reach_the_face_and_folding_keeps_it() -> None:
    torch.manual_seed(0)
    net = Wav2Lip(4).double()
    inputs = [torch.rand(4, *sizes, dtype=torch.float64) for sizes in ((3, 96, 96), (3, 96, 96), (1, 80, 16))]
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    net.train()(*inputs)
    net.eval()
    with torch.no_grad():
        made = net(*inputs)
        assert made.shape == (4, 3, 96, 96) and made.min() >= 0 and made.max() <= 1
        torch.testing.assert_close(fold_batch_norm(net)(*inputs), made)
        for place in range(3):
            changed = [*inputs]
            changed[place] = inputs[place].flip(0)
            assert (net(*changed) - made).abs().max() > 1e-2


def test_blocks_that_keep_their_size_add_to_what_they_are_given() -> None:
    net = Wav2Lip(4).eval()
    x = torch.rand(1, 8, 5, 5)
    for block in net.face_encoder_blocks[1][1:]:
        torch.nn.init.zeros_(block.conv_block[1].weight)
        torch.testing.assert_close(block(x), x)
    last = net.face_encoder_blocks[6][1]
    torch.nn.init.zeros_(last.conv_block[1].weight)
    assert not last(torch.rand(1, 128, 1, 1)).any()
