"""Which part of a feature map a chain of layers has to compute so that a part of its result is right.

A layer run on a cut-out sees zero padding where the frame goes on, so the ring along the cut is wrong. Cutting with
the layer's reach and dropping that ring keeps every remaining number exactly as on the whole frame; where the cut
reaches the frame's own border the padding is the true one, and nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from dubtool.networks.blocks import ConvBlock, ResBlock
from dubtool.networks.polyphase import MARGIN, PolyphaseTail


@dataclass(frozen=True)
class Window:
    """Rows top..bottom and columns left..right (end excluded) of a map of frame_height x frame_width."""

    top: int
    bottom: int
    left: int
    right: int
    frame_height: int
    frame_width: int

    @classmethod
    def whole(cls, height: int, width: int) -> Window:
        return cls(0, height, 0, width, height, width)

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def grown(self, margin: int) -> Window:
        """Wider by `margin` on every side, as far as the frame goes."""
        return Window(
            max(self.top - margin, 0),
            min(self.bottom + margin, self.frame_height),
            max(self.left - margin, 0),
            min(self.right + margin, self.frame_width),
            self.frame_height,
            self.frame_width,
        )

    def doubled(self) -> Window:
        """The same part of the map at twice the resolution."""
        return Window(
            2 * self.top, 2 * self.bottom, 2 * self.left, 2 * self.right, 2 * self.frame_height, 2 * self.frame_width
        )

    def halved(self) -> Window:
        """The smallest window at half the resolution that covers this one."""
        return Window(
            self.top // 2,
            -(-self.bottom // 2),
            self.left // 2,
            -(-self.right // 2),
            self.frame_height // 2,
            self.frame_width // 2,
        )

    def cut_from(self, x: Tensor, have: Window) -> Tensor:
        """The part of x that this window shows, where x covers `have`."""
        if self == have:
            return x
        rows = slice(self.top - have.top, self.bottom - have.top)
        columns = slice(self.left - have.left, self.right - have.left)
        return x[:, :, rows, columns]


def needed(layers: Iterable[nn.Module], window: Window) -> list[Window]:
    """The input window of each layer, given the window wanted of the last one's result; that one ends the list."""
    windows = [window]
    for layer in reversed(list(layers)):
        windows.append(_input_window(layer, windows[-1]))
    return windows[::-1]


def apply_within(layers: Iterable[nn.Module], x: Tensor, have: Window, want: Window) -> Tensor:
    """`layers` applied to x, which covers `have`, computing only what the window `want` of the result depends on."""
    layers = list(layers)
    windows = needed(layers, want)
    for layer, window in zip(layers, windows, strict=False):
        x = layer(window.cut_from(x, have))
        have = _output_window(layer, window)
    return want.cut_from(x, have)


def _output_window(layer: nn.Module, window: Window) -> Window:
    """What a layer gives for an input that covers `window`."""
    if isinstance(layer, PolyphaseTail):
        return window.grown(-MARGIN).doubled()
    return window.doubled() if isinstance(layer, ConvBlock) and layer.up else window


def _input_window(layer: nn.Module, window: Window) -> Window:
    if isinstance(layer, ConvBlock):
        window = window.grown(layer.radius)
        return window.halved() if layer.up else window
    if isinstance(layer, ResBlock):
        return window.grown(layer.radius)
    if isinstance(layer, nn.Conv2d):
        return window.grown(layer.kernel_size[0] // 2)
    if isinstance(layer, PolyphaseTail):
        small = window.halved()
        if small.grown(MARGIN).grown(-MARGIN) != small:
            raise ValueError("the window is too close to the frame's border for a layer without padding")
        return small.grown(MARGIN)
    if isinstance(layer, nn.Sigmoid):
        return window
    raise TypeError(f"no reach is known for {type(layer).__name__}")
