"""Which MediaPipe landmark is what: index sets of the 478-point mesh, and its map to the 68 iBUG points.

Indices follow MediaPipe's canonical face mesh; the 68 follow the iBUG 300-W order (0-based) that DINet, HDTR-Net and
AdaSR use. "Right" is the person's right, which is on the left of an unmirrored picture.
"""

from __future__ import annotations

import numpy as np

OUTER_LIP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
INNER_LIP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
FACE_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176,
             149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
JAW = (58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288)
# Points that speech hardly moves: forehead, brows' middle, eye corners, nose bridge, temples.
STABLE = (10, 151, 9, 8, 168, 6, 197, 195, 5, 33, 133, 362, 263, 67, 297, 103, 332, 54, 284, 21, 251, 127, 356,
          162, 389, 98, 327)  # fmt: skip
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
CHEEKS = (50, 280, 205, 425, 203, 423, 164, 18, 200, 199)

IBUG_68 = (
    127, 234, 93, 132, 172, 136, 149, 148, 152, 377, 378, 365, 397, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip

# What a track keeps of every face: enough for crops, masks, poses, mouth shapes and the 68, a quarter of the mesh.
TRACKED = tuple(sorted({*OUTER_LIP, *INNER_LIP, *FACE_OVAL, *JAW, *STABLE, *EYES, *CHEEKS, *IBUG_68}))
_POSITION = {mesh: position for position, mesh in enumerate(TRACKED)}


def tracked(mesh_indices: tuple[int, ...]) -> np.ndarray:
    """Positions of mesh indices within a track's point array: int64 [len(mesh_indices)]."""
    return np.array([_POSITION[index] for index in mesh_indices])
