"""Layouts of sound channels for the tests."""

from __future__ import annotations

STANDARD = (
    "mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "3.1", "5.0", "5.0(side)", "4.1", "5.1",
    "5.1(side)", "6.0", "6.0(front)", "hexagonal", "6.1", "6.1(back)", "6.1(front)", "7.0", "7.0(front)", "7.1",
    "7.1(wide)", "7.1(wide-side)", "octagonal", "hexadecagonal", "downmix", "22.2", "FL", "LFE", "FL+LFE", "TFL+TFR",
)  # fmt: skip
# Orders that only a list of channels can tell.
OWN_ORDERS = ("FR+FL", "FL+FL", "FC+FL+FR", "FL+FR+FC+FL+FR+FC+FL+FR+FC", "LFE+SL+SR+FL+FR+FC+BL+BR")
