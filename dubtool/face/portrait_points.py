"""How a reenactment network sees a face: some of the 478 landmarks as keypoints, and a drawing of the fine parts."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.topology import FACE_OVAL, INNER_LIP, OUTER_LIP

RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_BROW = (70, 63, 105, 66, 107)
LEFT_BROW = (336, 296, 334, 293, 300)
NOSE = (168, 6, 197, 195, 5, 4, 2)
NOSE_BASE = (98, 97, 2, 326, 327)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)

# Points that move with the skull alone, or nearly so.
RIGID = (168, 197, 4, 2, 98, 327, 33, 133, 362, 263, 151, 10, 54, 284, 162, 389, 234, 454)
KEYPOINTS = (
    *RIGID,
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,
    78, 81, 13, 311, 308, 402, 14, 178,
    160, 158, 153, 144, 159, 145, 385, 387, 373, 380, 386, 374,
    468, 473,
    70, 105, 107, 336, 334, 300,
    132, 172, 149, 152, 378, 397, 361,
    50, 280, 205, 425, 200,
)  # fmt: skip
_PAIRS = (
    (33, 263), (133, 362), (98, 327), (54, 284), (162, 389), (234, 454), (61, 291), (40, 270), (37, 267), (91, 321),
    (84, 314), (78, 308), (81, 311), (178, 402), (160, 387), (158, 385), (153, 380), (144, 373), (159, 386), (145, 374),
    (468, 473), (70, 300), (105, 334), (107, 336), (132, 361), (172, 397), (149, 378), (50, 280), (205, 425),
)  # fmt: skip
_TWIN = dict(_PAIRS) | {left: right for right, left in _PAIRS}
# Which keypoint takes whose place in a mirrored picture.
MIRRORED = tuple(KEYPOINTS.index(_TWIN.get(index, index)) for index in KEYPOINTS)
DRAWING_CHANNELS = 5
_SHIFT = 4


def keypoints(landmarks: np.ndarray, side: int) -> np.ndarray:
    """The keypoints float32 [..., K, 2] of landmarks [..., 478, 2 or more] in px of a crop of `side` px.

    The crop's edges are at -1 and 1, as samplers that do not align corners have it. The first len(RIGID) are rigid.
    """
    chosen = landmarks[..., list(KEYPOINTS), :2]
    return ((2 * chosen + 1) / side - 1).astype(np.float32)


def draw_portrait(landmarks: np.ndarray, side: int) -> np.ndarray:
    """Draw a face: uint8 [5, side, side]: open mouth, lips, open eyes, irises, and lines of brows, nose and contour.

    landmarks: crop px [478, 2 or more]. Coordinates are kept to 1/16 px: a lid is closed by less than a pixel.
    """
    points = np.rint(landmarks[:, :2] * (1 << _SHIFT)).astype(np.int32)
    drawing = np.zeros((DRAWING_CHANNELS, side, side), np.uint8)
    mouth, lips, eyes, irises, lines = drawing

    def fill(layer: np.ndarray, ring: tuple[int, ...]) -> None:
        cv2.fillPoly(layer, [points[list(ring)]], 255, lineType=cv2.LINE_AA, shift=_SHIFT)

    fill(mouth, INNER_LIP)
    fill(lips, OUTER_LIP)
    lips -= np.minimum(lips, mouth)
    for eye, iris in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
        fill(eyes, eye)
        ring = landmarks[list(iris[1:]), :2] - landmarks[iris[0], :2]
        radius = round(float(np.linalg.norm(ring, axis=1).mean()) * (1 << _SHIFT))
        centre = (int(points[iris[0], 0]), int(points[iris[0], 1]))
        cv2.circle(irises, centre, radius, 255, -1, cv2.LINE_AA, _SHIFT)
    np.minimum(irises, eyes, out=irises)
    width = max(1, side // 128)
    for line, closed in (
        (RIGHT_BROW, False), (LEFT_BROW, False), (NOSE, False), (NOSE_BASE, False), (FACE_OVAL, True),
    ):  # fmt: skip
        cv2.polylines(lines, [points[list(line)]], closed, 255, width, lineType=cv2.LINE_AA, shift=_SHIFT)
    return drawing
