"""What a G4G can take over from other checkpoints: all of another G4G's weights, or what a DINet shares with it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from dubtool.networks.g4g import G4G

_SHARED = {
    "source_in_conv.": "source_encoder.",
    "ref_in_conv.": "reference_encoder.",
    "appearance_conv_list.0.": "before.",
    "appearance_conv_list.1.": "after.",
    "adaAT.": "adaat.",
    "out_conv.": "decoder.",
}
# Reads the code, which is G4G's own.
_CODE = "adaAT.commn_linear."


def shared_weights(weights: Mapping[str, Tensor], net: G4G) -> dict[str, Tensor]:
    """The entries of a checkpoint under the names they have in `net`.

    Of a DINet whose source carries drawings that `net` does not see, the first layer is taken over without them. A pair
    of other sizes is left for `load_state_dict` to refuse. KeyError where nothing of the two networks is.
    """
    wanted = net.state_dict()
    if "adaat.commn_linear.0.weight" in weights:
        return dict(weights)
    taken = {}
    for theirs, value in weights.items():
        for prefix, ours in _SHARED.items():
            if theirs.startswith(prefix) and not theirs.startswith(_CODE):
                taken[ours + theirs.removeprefix(prefix)] = value.to(wanted[ours + theirs.removeprefix(prefix)].dtype)
    first = "source_encoder.0.conv.weight"
    taken[first] = taken[first][:, : wanted[first].shape[1]]
    return taken
