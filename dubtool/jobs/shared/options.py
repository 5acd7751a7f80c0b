"""The options of the jobs, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from dubtool.errors import UsageError
from dubtool.jobs.shared.adapted import Adapted
from dubtool.jobs.shared.cast import Cast, Fit
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.offer import offered, offers
from dubtool.jobs.shared.overrides import Overrides
from dubtool.jobs.shared.plain_values import hints_of, make_plain
from dubtool.tracking.face_words import SPEAKING

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
# The network that paints whole mouths, and the same of half the width, for what the person's own frames do not show.
PAINTER, SMALL_PAINTER = "dinet-shape", "dinet-small"
# Those that have a checkpoint to go on from.
_ADAPTABLE = (SMALL_PAINTER, PAINTER)
DEFAULT_MODEL = RETRIEVAL
DEFAULT_RESTORER = "hdtr-face"
DEFAULT_ANIMATOR = "adasr-landmarks"
# The animator that needs no weights.
WARP = "warp"
# Degrees; beyond them a portrait shows what nobody has seen of it.
_TURN: dict[str, Any] = {"metavar": "DEG", "lowest": -45.0, "highest": 45.0}


@dataclass(frozen=True)
class JobOptions:
    """What all jobs on videos are asked; each field says what it is.

    Plain values will do: text for a path or a time, a number for a time or a face.

    Raises:
        UsageError: a value is of the wrong kind, or out of range.
    """

    face: str = offered(
        "largest",
        "Whose mouth: largest, left, right, N from the left, a picture of the person, a name that 'dubtool faces' "
        "tells, or @SECONDS:X,Y.",
        metavar="WHO",
    )
    start: Fraction | None = offered(
        None, "Change from here: seconds, M:SS or H:MM:SS of the output.", name="from", metavar="TIME"
    )
    stop: Fraction | None = offered(None, "Change up to here.", name="to", metavar="TIME")
    device: str = offered("auto", "Where networks run: auto, cpu, cuda or cuda:N.", metavar="NAME")
    precision: Precision = offered("auto", "Number format; fp16 needs CUDA.")
    batch_size: int = offered(
        4, "Frames in one run of the network at most; dubs on several cores take two.", metavar="N", lowest=1
    )
    codec: str | None = offered(None, "Video encoder, by default the container's usual one.", metavar="NAME")
    container: str | None = offered(
        None, "Kind of file where no output is named: mp4, mov, mkv, webm; mp4 by default.", metavar="NAME"
    )
    crf: int = offered(16, "Quality of the video, less is better.", metavar="N", lowest=0, highest=51)
    preset: str = offered("veryfast", "Effort of the encoder, ultrafast to veryslow.", name="effort", metavar="NAME")
    like_source: bool = offered(False, "Encode as the source is: codec family, bit rate and keyframes, where possible.")
    lossless: bool = offered(False, "Encode without any loss.")
    deinterlace: bool = offered(False, "Make progressive pictures of interlaced ones; else fields are kept.")
    overwrite: bool = offered(False, "Replace files of the result that exist.")
    preview: bool = offered(False, "Also write a video with source and result side by side.")
    sheet: bool = offered(False, "Also write a contact sheet of how frames were made.", name="debug")
    sign: Path | None = offered(
        None, "Sign the result by C2PA with these certificates (PEM), or $DUBTOOL_SIGN_CERT.", metavar="CERT"
    )
    key: Path | None = offered(None, "The private key (PEM) for --sign, or $DUBTOOL_SIGN_KEY.", metavar="FILE")
    sidecar: bool = offered(False, "Also write the report beside the result.")
    trace: Path | None = offered(
        None, "Also write what each thread did when, a Chrome trace (JSON) for ui.perfetto.dev.", metavar="FILE"
    )
    cache: bool = offered(True, "Look for faces and hear sounds anew, and keep nothing.", name="no-cache", negated=True)

    def __post_init__(self) -> None:
        make_plain(self)
        check_offers(self)
        if self.like_source and (self.codec is not None or self.lossless):
            raise UsageError("--like-source chooses codec and quality: leave out --codec and --lossless")
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise UsageError(f"the stretch to change ends at {float(self.stop)} s, not after its start")


@dataclass(frozen=True)
class DubOptions(JobOptions):
    """How to dub, beside what all jobs are asked. The face may also be "speaking": whoever speaks in the film.

    Not offered by the command line: reference_segment, the seconds of the source, from and to, that the person's own
    frames are taken from (all of it if None); adapted, what `adapt` learned of the person, of which what measured
    better is used; shapes, mouth shapes by seconds of the output instead of those that the speech is predicted to give.
    """

    cast: Path | Cast | None = offered(
        None, "Who says what when: a table of face, speech, from, to. The result lasts as the film.", metavar="FILE"
    )
    cues: Path | None = offered(
        None,
        "Subtitles (SRT) instead of a cast; each cue has a sound in --voices, as 3.wav or 3.left.wav.",
        metavar="FILE",
    )
    voices: Path | None = offered(None, "The folder with the sounds of --cues.", metavar="FOLDER")
    overrides: Path | Overrides | None = offered(
        None,
        "What a review page saved: stretches to skip, with another face or expression; see docs/review.md.",
        metavar="FILE",
    )
    fit: Fit = offered("none", "What is done about a speech that is longer or shorter than its place, or the film.")
    face: str = offered(
        "largest",
        "Whose mouth: largest, left, right, N from the left, a picture of the person, a name that 'dubtool faces' "
        "tells, @SECONDS:X,Y, or speaking: whoever speaks in the film.",
        metavar="WHO",
    )
    length: Length = offered("speech", "What the result lasts as long as.")
    loop: Loop = offered("pingpong", "What the picture does when it ends before the speech.")
    model: str = offered(
        DEFAULT_MODEL,
        "What makes the mouth: retrieval-warp, dinet-shape, g4g, dinet, or a generator of your own.",
        metavar="NAME",
    )
    memory: float | None = offered(
        None, "What the person's own frames may take; by default by the picture's size, 64 to 256.", metavar="MB"
    )
    expression: float = offered(1.0, "How far the mouth moves, 1 is usual.", metavar="X", lowest=0.0, highest=2.0)
    soundtrack: Path | None = offered(None, "Sound of the result instead of the speech.", metavar="FILE")
    restore_teeth: bool = offered(False, "Redraw the made mouths sharply; see 'dubtool restore-teeth -h'.")
    restorer: str = offered(DEFAULT_RESTORER, "The network for --restore-teeth.", metavar="NAME")
    reference_segment: tuple[Fraction, Fraction] | None = None
    adapted: Adapted | None = None
    shapes: MouthShapes | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.memory is not None and not self.memory > 0:
            raise UsageError(f"memory {self.memory} MB is not above 0")
        if (self.cues is None) != (self.voices is None):
            raise UsageError("--cues needs --voices, the folder with their sounds, and --voices needs --cues")
        if self.cast is not None or self.cues is not None:
            self._check_cast()
        if self.adapted is not None:
            check_adaptable(self.model)
        if self.adapted is not None and self.speaking:
            raise UsageError("only one person is adapted to: leave out --adapt, or name a --face")

    @property
    def speaking(self) -> bool:
        """Whether the mouth is that of whoever speaks."""
        return self.face.strip().lower() == SPEAKING

    def _check_cast(self) -> None:
        if self.cast is not None and self.cues is not None:
            raise UsageError("cues are a cast of their own: leave out --cues, or --cast and --speaker")
        if self.adapted is not None or self.shapes is not None:
            raise UsageError("what is learned or known of one person does not serve a cast: leave out one of them")
        if self.length == "shortest":
            raise UsageError("a cast lasts as long as its film: leave out --length shortest")


@dataclass(frozen=True)
class RestoreOptions(JobOptions):
    """How to restore teeth, beside what all jobs are asked.

    Not offered by the command line: reference_segment, the seconds of the source, from and to, that mouths are taken
    from; all of it if None.
    """

    reference: Reference = offered(
        "frame", "What a mouth is compared with: itself, the clip's sharpest, or the one before."
    )
    source: Path | None = offered(
        None, "A film of the person that no tool has touched: its frames give the mouth.", metavar="FILE"
    )
    model: str = offered(
        DEFAULT_RESTORER, "hdtr-face: the lower face; hdtr-mouth: open mouths, faster; or another.", metavar="NAME"
    )
    reference_segment: tuple[Fraction, Fraction] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source is None and self.reference_segment is not None:
            raise UsageError("reference_segment is of the source: name one, or leave it out")
        if self.source is not None and (self.reference != "frame" or self.model != DEFAULT_RESTORER):
            raise UsageError("with --source no network is at work: leave out --reference and --model")


@dataclass(frozen=True)
class ReenactOptions(JobOptions):
    """How to reenact a portrait, beside what all jobs are asked; `start` and `stop` are the part of the driver that is
    used. Pictures of interlaced drivers are always made progressive."""

    motion: Motion = offered("relative", "Move as the driver does, from the portrait's own pose, or take the driver's.")
    framing: Framing = offered("full", "Show the face alone, or the whole portrait.")
    yaw: float = offered(0.0, "Turn the nose further to the right.", **_TURN)
    pitch: float = offered(0.0, "Lift the chin.", **_TURN)
    roll: float = offered(0.0, "Lean clockwise.", **_TURN)
    model: str = offered(
        DEFAULT_ANIMATOR,
        "adasr-landmarks: a network over a warp; warp: without a network; adasr: its authors', for GPUs.",
        metavar="NAME",
    )
    face: str = offered("largest", "Who drives: as --face of 'dubtool dub'.", metavar="WHO")
    deinterlace: bool = False


def painter_of(model: str) -> str:
    """The name of the network that draws mouths for `model`: its own, or the one that helps the person's own frames."""
    return SMALL_PAINTER if model == RETRIEVAL else model


def check_adaptable(model: str) -> None:
    """Raise UsageError unless the network that draws mouths for `model` can be adapted to a person."""
    if painter_of(model) not in _ADAPTABLE:
        raise UsageError(f"only {' and '.join(_ADAPTABLE)} are adapted; leave out --adapt, or --model {model}")


def check_offers(options: JobOptions) -> None:
    """Raise UsageError unless every value is one of its choices and within its bounds."""
    hints = hints_of(type(options))
    for one, offer in offers(type(options)):
        value = getattr(options, one.name)
        if get_origin(hints[one.name]) is Literal and value not in get_args(hints[one.name]):
            raise UsageError(f"{one.name} {value!r} is not one of {', '.join(get_args(hints[one.name]))}")
        low, high = offer.lowest, offer.highest
        if low is not None and high is not None and not low <= value <= high:
            raise UsageError(f"{one.name} {value} is not between {low:g} and {high:g}")
        if low is not None and not value >= low:
            raise UsageError(f"{one.name} {value} is not {low:g} or more")
