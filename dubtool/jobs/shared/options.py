"""The options of the jobs, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

from dubtool.errors import UsageError
from dubtool.jobs.shared.adapted import Adapted
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.plain_values import make_plain

Length = Literal["speech", "video", "shortest"]
Loop = Literal["pingpong", "repeat", "hold"]
Reference = Literal["frame", "best", "previous"]
Motion = Literal["relative", "absolute"]
Framing = Literal["crop", "full"]
Precision = Literal["auto", "fp32", "fp16"]

# The person's own frames, deformed; a network paints what they do not show.
RETRIEVAL = "retrieval-warp"
# The network that mends the deformed frames, where it is at hand.
MENDER = "warp_painter"
# The network that paints whole mouths beside them.
PAINTER = "dinet-shape"
DEFAULT_MODEL = RETRIEVAL
DEFAULT_RESTORER = "hdtr-mouth"
DEFAULT_ANIMATOR = "adasr-landmarks"
# The animator that needs no weights.
WARP = "warp"
# Beyond this a portrait shows what nobody has seen of it.
_MOST_TURN = 45.0


@dataclass(frozen=True)
class JobOptions:
    """What all jobs on videos are asked.

    face: whose mouth: largest, left, right, N (from the left) or @SECONDS:X,Y. start, stop: change only what lies
    between these seconds of the output. device, precision, batch_size, codec, crf, preset, lossless: of networks and
    encoder. overwrite: replace an existing output. preview, sheet, sidecar: also write a side-by-side video, a contact
    sheet (PNG), a provenance file (JSON) beside the output. cache: keep and reuse tracks of faces. deinterlace: make
    progressive pictures of interlaced ones instead of keeping their fields.

    Plain values will do: text for a path or a time, a number for a time or a face.

    Raises:
        UsageError: a value is of the wrong kind, or out of range.
    """

    face: str = "largest"
    start: Fraction | None = None
    stop: Fraction | None = None
    device: str = "auto"
    precision: str = "auto"
    batch_size: int = 4
    codec: str | None = None
    crf: int = 18
    preset: str = "medium"
    lossless: bool = False
    overwrite: bool = False
    preview: bool = False
    sheet: bool = False
    sidecar: bool = False
    cache: bool = True
    deinterlace: bool = False

    def __post_init__(self) -> None:
        make_plain(self)
        check_choice("precision", self.precision, Precision)
        if self.batch_size < 1:
            raise UsageError(f"batch size {self.batch_size} is not 1 or more")
        if not 0 <= self.crf <= 51:
            raise UsageError(f"crf {self.crf} is not between 0 and 51")
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise UsageError(f"the stretch to change ends at {float(self.stop)} s, not after its start")


@dataclass(frozen=True)
class DubOptions(JobOptions):
    """How to dub, beside what all jobs are asked.

    length: what the output lasts as long as. loop: what the picture does when it ends before the speech. model: name of
    the generator. expression: how wide the mouth moves, 1 = as predicted. soundtrack: the sound of the output, instead
    of the speech. reference_stretch: seconds of the source, from and to, that the reference pictures are taken from;
    all of it if None. restore_teeth: redraw the made mouths by the network `restorer`.
    memory: MB that the person's own frames may take, about; by default 64 to 256, by the picture's size.
    adapted: what `adapt` learned of the person in this video; what of it measured better is used. shapes: mouth shapes
    by seconds of the output, instead of those that the speech is predicted to give.
    """

    length: Length = "speech"
    loop: Loop = "pingpong"
    reference_stretch: tuple[Fraction, Fraction] | None = None
    model: str = DEFAULT_MODEL
    expression: float = 1.0
    soundtrack: Path | None = None
    restore_teeth: bool = False
    restorer: str = DEFAULT_RESTORER
    adapted: Adapted | None = None
    memory: float | None = None
    shapes: MouthShapes | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value, allowed in (("length", self.length, Length), ("loop", self.loop, Loop)):
            check_choice(name, value, allowed)
        if self.memory is not None and not self.memory > 0:
            raise UsageError(f"memory {self.memory} MB is not above 0")
        if not 0.0 <= self.expression <= 2.0:
            raise UsageError(f"expression {self.expression} is not between 0 and 2")
        if self.adapted is not None and painter_of(self.model) != PAINTER:
            raise UsageError(f"only {PAINTER} is adapted; leave out --adapt, or --model {self.model}")


@dataclass(frozen=True)
class RestoreOptions(JobOptions):
    """How to restore teeth, beside what all jobs are asked.

    reference: what a mouth is compared with: itself as it is ("frame", as the authors do), the sharpest one of the clip
    ("best"), or the one restored before it ("previous"). model: name of the network. source: a film of the same person
    whose mouth no tool has touched; then mouths are made of its frames, by no network. reference_stretch: seconds of
    the source, from and to, that frames are taken from; all of it if None.
    """

    reference: Reference = "frame"
    model: str = DEFAULT_RESTORER
    source: Path | None = None
    reference_stretch: tuple[Fraction, Fraction] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("reference", self.reference, Reference)
        if self.source is None and self.reference_stretch is not None:
            raise UsageError("reference_stretch is of the source: name one, or leave it out")
        if self.source is not None and (self.reference != "frame" or self.model != DEFAULT_RESTORER):
            raise UsageError("with --source no network is at work: leave out --reference and --model")


@dataclass(frozen=True)
class ReenactOptions(JobOptions):
    """How to reenact a portrait, beside what all jobs are asked; `face` is the driver's, `start` and `stop` the part of
    the driver that is used.

    motion: the portrait moves as the driver does from where it is ("relative"), or takes over the driver's head pose
    and expression ("absolute"). framing: the square around the face alone ("crop"), or the whole portrait ("full").
    yaw, pitch, roll: degrees that the head is turned further (to the picture's right, chin up, clockwise). model: name
    of the network, or "warp" for none.
    """

    motion: Motion = "relative"
    framing: Framing = "full"
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    model: str = DEFAULT_ANIMATOR

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value, allowed in (("motion", self.motion, Motion), ("framing", self.framing, Framing)):
            check_choice(name, value, allowed)
        for name, degrees in (("yaw", self.yaw), ("pitch", self.pitch), ("roll", self.roll)):
            if not -_MOST_TURN <= degrees <= _MOST_TURN:
                raise UsageError(f"{name} {degrees} is not between {-_MOST_TURN:g} and {_MOST_TURN:g} degrees")


def painter_of(model: str) -> str:
    """The name of the network that draws mouths for `model`: its own, or the one that helps the person's own frames."""
    return PAINTER if model == RETRIEVAL else model


def check_choice(name: str, value: str, allowed: object) -> None:
    """Raise UsageError unless `value` is one of the literals `allowed`."""
    if value not in get_args(allowed):
        raise UsageError(f"{name} {value!r} is not one of {', '.join(get_args(allowed))}")
