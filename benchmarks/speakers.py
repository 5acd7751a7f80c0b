"""Who speaks when: films put together from corpus people, and how often `--face speaking` is right about them.

python benchmarks/speakers.py CORPUS MANIFEST DATA FILMS [--seeds 3] [--half first|second]

DATA is a folder of `dubtool train prepare` on that corpus: its tracks tell where faces are and when mouths rest, and
only the people of its validation.txt are used. FILMS is where the films are made and kept. People take turns side by
side and after each other, with cuts, silence and listeners; in some films voices come from off the screen. Every frame
counts: right is the face whose voice is heard (gaps of up to 0.6 s within a turn are the turn's), else nobody.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import soundfile

from dubtool.errors import NoFaceError
from dubtool.face.shape import ShapeModel
from dubtool.face.topology import tracked
from dubtool.folders import temporary_folder
from dubtool.jobs.shared.speakers import who_speaks
from dubtool.media.arrays import write_pictures
from dubtool.media.audio import load_speech
from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg
from dubtool.media.probe import probe
from dubtool.metrics.active_speaker import NOBODY
from dubtool.metrics.voice import voiced_at
from dubtool.tracking.cache import load_tracks
from dubtool.tracking.people import Person, choose
from dubtool.tracking.person import VideoPeople
from dubtool.tracking.track import FaceTrack
from dubtool.tracking.track_video import track_video
from dubtool.training.data.corpus import read_corpus
from dubtool.weights.locate import find

RATE, FPS, TILE = 16000, 25, 256
_IN_TIME = 0.4
# Gaps in a voice that are shorter belong to its turn.
_PAUSE = 0.6
# Larger lags of clips of a second were estimated wrongly.
_MOST_LAG = 3
_LOUDNESS = 0.06
_ROOM = 3e-4
_REST_FRAMES = 10


@dataclass(frozen=True)
class Clip:
    """One person speaking, in sync but for `lag` seconds that the sound is late."""

    path: Path
    person: str
    lag: float
    speaks: bool
    times: np.ndarray
    track: FaceTrack
    sound: np.ndarray

    @property
    def span(self) -> tuple[float, float]:
        """The seconds of the picture in which the face is seen and the sound known."""
        first, last = self.times[self.track.frames[0]], self.times[self.track.frames[-1]]
        return max(float(first), -self.lag), min(float(last), len(self.sound) / RATE - self.lag)


@dataclass(frozen=True)
class Piece:
    """What is seen of a person: the clip's seconds [n], one a frame."""

    clip: Clip
    seconds: np.ndarray


@dataclass
class Film:
    """pictures: per frame, who is seen at which tile of how many: lists of (person, clip number, seconds). speaker: per
    frame, "" for nobody and "?" for a voice off the screen."""

    name: str
    tiles: int
    shots: list[tuple[int, dict[str, int], dict[str, Piece]]] = field(default_factory=list)
    sound: list[np.ndarray] = field(default_factory=list)
    speaker: list[str] = field(default_factory=list)


def read_clips(corpus: Path, manifest: Path, data: Path, half: str) -> dict[str, list[Clip]]:
    """The clips of the validation people of one half (of all with "both"), by person."""
    names = sorted((data / "validation.txt").read_text().split())
    chosen = set(names if half == "both" else names[0 if half == "first" else 1 :: 2])
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    found: dict[str, list[Clip]] = defaultdict(list)
    for recording in read_corpus(corpus, manifest):
        if recording.person not in chosen or recording.unfit or len(found[recording.person]) >= 12:
            continue
        stored = load_tracks(data / "tracks" / f"{recording.name}.npz")
        told = rows[recording.name].get("sync_lag_frames") or ""
        lag = float(told or 0)
        # Of clips in sync those whose lag was measured: some of the others are not.
        if stored is None or not stored[0].faces or abs(lag) > _MOST_LAG or (recording.use == "sync" and not told):
            continue
        track = stored[0].faces[0]
        if len(track.frames) < 20 or np.any(np.diff(track.frames) > 1):
            continue
        with temporary_folder() as folder:
            try:
                sound, _ = soundfile.read(load_speech(recording.path, folder).path, dtype="float32")
            except Exception:
                sound = np.zeros(0, np.float32)
        times = np.array([float(time) for time in stored[1]])
        speaks = recording.use == "sync" and len(sound) > RATE // 2
        if not speaks:
            sound = np.zeros(round((times[-1] + 1) * RATE), np.float32)
        found[recording.person].append(Clip(recording.path, recording.person, lag / 25, speaks, times, track, sound))
    return {person: clips for person, clips in found.items() if clips}


class Cutter:
    """Builds one film's frames, sound and truth from what people do."""

    def __init__(self, people: dict[str, list[Clip]], rng: np.random.Generator) -> None:
        self._people, self._rng = people, rng
        self.speakers = [name for name, clips in people.items() if any(clip.speaks for clip in clips)]

    def someone(self, count: int, without: Sequence[str] = ()) -> list[str]:
        """Different people who speak."""
        free = [name for name in self.speakers if name not in without]
        return [str(name) for name in self._rng.choice(free, count, replace=False)]

    def talk(self, person: str, longest: float = 3.5) -> tuple[list[Piece], np.ndarray]:
        """Something that a person says, 1 to `longest` seconds: pictures and sound."""
        clips = [clip for clip in self._people[person] if clip.speaks]
        wanted, pieces, sounds, length = self._rng.uniform(1.6, longest), [], [], 0.0
        # Clips of one word are said one after the other.
        for number in self._rng.permutation(len(clips))[:3]:
            clip = clips[number]
            low, high = clip.span
            share = min(wanted - length, high - low)
            start = low + self._rng.uniform(0, max(high - low - share, 0))
            count = int(share * FPS)
            if count < 15:
                continue
            seconds = start + np.arange(count) / FPS
            first = round((start + clip.lag) * RATE)
            pieces.append(Piece(clip, seconds))
            sounds.append(clip.sound[first : first + count * RATE // FPS])
            length += count / FPS
            if length > wanted - 0.6:
                break
        return pieces, np.concatenate([_level(sound) for sound in sounds])

    def rest(self, person: str, count: int) -> Piece:
        """A person who listens: the stretch with the stillest, least open mouth, forward and backward."""
        best: tuple[float, Clip, int] | None = None
        for clip in self._people[person]:
            opening = _opening(clip.track)
            for start in range(0, len(opening) - _REST_FRAMES, 3):
                part = opening[start : start + _REST_FRAMES]
                cost = float(part.mean() + 2 * part.std())
                if best is None or cost < best[0]:
                    best = (cost, clip, start)
        assert best is not None
        _, clip, start = best
        turn = 2 * (_REST_FRAMES - 1)
        phase = (np.arange(count) + int(self._rng.integers(turn))) % turn
        rows = start + np.minimum(phase, turn - phase)
        return Piece(clip, clip.times[clip.track.frames[rows]])

    def chatter(self, person: str, count: int) -> Piece:
        """A person who moves the mouth as if speaking, unheard."""
        clips = [clip for clip in self._people[person] if clip.span[1] - clip.span[0] > 0.8]
        clip = clips[int(self._rng.integers(len(clips)))]
        low, high = clip.span
        at = (self._rng.uniform(0, high - low) + np.arange(count) / FPS) / (high - low)
        return Piece(clip, low + (high - low) * np.abs((at + 1) % 2 - 1))


def _level(sound: np.ndarray) -> np.ndarray:
    return sound * (_LOUDNESS / max(float(np.sqrt(np.mean(np.square(sound)))), 1e-4))


def _opening(track: FaceTrack) -> np.ndarray:
    points = track.points()[:, tracked((13, 14, 33, 263)), :2]
    return np.asarray(
        np.linalg.norm(points[:, 0] - points[:, 1], axis=1) / np.linalg.norm(points[:, 2] - points[:, 3], axis=1)
    )


def _voiced(sound: np.ndarray, count: int) -> np.ndarray:
    """Whether each frame of a turn is within its voice."""
    heard = voiced_at(sound, RATE, (np.arange(count) + 0.5) / FPS)
    rows = np.flatnonzero(heard)
    for before, after in pairwise(rows):
        if after - before <= _PAUSE * FPS:
            heard[before:after] = True
    return heard


Act = Callable[[Film, Cutter, np.random.Generator], None]


def _say(film: Film, cutter: Cutter, seen: dict[str, int], speaker: str, listen: str, shot: int) -> None:
    """A turn: `speaker` (perhaps off the screen) is heard, those `seen` are seen."""
    pieces, sound = cutter.talk(speaker)
    total = sum(len(piece.seconds) for piece in pieces)
    voiced = _voiced(sound, total)
    place = 0
    for piece in pieces:
        count = len(piece.seconds)
        shown = {name: piece if name == speaker else getattr(cutter, listen)(name, count) for name in seen}
        film.shots.append((shot, seen, shown))
        film.speaker += [(speaker if speaker in seen else "?") if one else "" for one in voiced[place : place + count]]
        place += count
    film.sound.append(sound)


def _hush(film: Film, cutter: Cutter, seen: dict[str, int], seconds: float, shot: int) -> None:
    count = int(seconds * FPS)
    film.shots.append((shot, seen, {name: cutter.rest(name, count) for name in seen}))
    film.speaker += [""] * count
    film.sound.append(np.zeros(count * RATE // FPS, np.float32))


def side_by_side(count: int, listen: str) -> Act:
    """One shot, `count` people who take turns."""

    def act(film: Film, cutter: Cutter, rng: np.random.Generator) -> None:
        names = cutter.someone(count)
        seen = {name: place for place, name in enumerate(names)}
        before = ""
        for _ in range(7):
            speaker = str(rng.choice([name for name in names if name != before]))
            _say(film, cutter, seen, speaker, listen, 0)
            if rng.random() < 0.6:
                _hush(film, cutter, seen, rng.uniform(0.4, 1.4), 0)
            before = speaker

    return act


def cut_together(off_screen: bool) -> Act:
    """Shots of one person and of two, after each other. off_screen: some who are heard are not in the picture."""

    def act(film: Film, cutter: Cutter, rng: np.random.Generator) -> None:
        names = cutter.someone(3)
        narrator = cutter.someone(1, names)[0]
        for shot in range(8):
            if rng.random() < 0.5:
                seen = {str(rng.choice(names)): 0}
            else:
                pair = rng.permutation(names)[:2]
                seen = {str(name): place for place, name in enumerate(pair)}
            speaker = str(rng.choice(list(seen)))
            if off_screen and rng.random() < 0.4:
                speaker = str(rng.choice([name for name in [*names, narrator] if name not in seen]))
            listen = "rest" if rng.random() < 0.7 else "chatter"
            _say(film, cutter, seen, speaker, listen, shot)
            if rng.random() < 0.4:
                _hush(film, cutter, seen, rng.uniform(0.4, 1.2), shot)

    return act


KINDS: dict[str, tuple[int, Act]] = {
    "two side by side": (2, side_by_side(2, "rest")),
    "two, listeners chatter": (2, side_by_side(2, "chatter")),
    "three side by side": (3, side_by_side(3, "rest")),
    "cut together": (2, cut_together(False)),
    "cut together, off-screen voices": (2, cut_together(True)),
}


def _pictures(film: Film) -> Iterator[np.ndarray]:
    """Frames uint8 [TILE, tiles * TILE, 3]."""
    readers: dict[Path, list[np.ndarray]] = {}
    for shot, seen, shown in film.shots:
        count = len(next(iter(shown.values())).seconds)
        for number in range(count):
            shade = 60 + 45 * (shot % 4)
            canvas = np.full((TILE, film.tiles * TILE, 3), shade, np.uint8)
            canvas[:, :, shot % 3] //= 2
            for name, place in seen.items():
                piece = shown[name]
                tile = _tile(piece.clip, float(piece.seconds[number]), readers)
                # One alone stands in the middle, larger.
                left = place * TILE if len(seen) > 1 else (film.tiles - 1) * TILE // 2
                canvas[:, left : left + TILE] = tile
            yield canvas


def _tile(clip: Clip, seconds: float, readers: dict[Path, list[np.ndarray]]) -> np.ndarray:
    if clip.path not in readers:
        readers[clip.path] = _crops(clip)
    index = int(np.abs(clip.times - seconds).argmin())
    index = min(max(index, int(clip.track.frames[0])), int(clip.track.frames[-1]))
    return readers[clip.path][index - int(clip.track.frames[0])]


def _crops(clip: Clip) -> list[np.ndarray]:
    """The clip's tiles, of the frames of its track."""
    middle = np.median(clip.track.anchors, axis=0)
    scale = TILE / (2.3 * middle[2])
    matrix = np.array([[scale, 0, TILE / 2 - scale * middle[0]], [0, scale, TILE / 2 - scale * middle[1]]])
    found, capture = [], cv2.VideoCapture(str(clip.path))
    for number in range(int(clip.track.frames[-1]) + 1):
        good, image = capture.read()
        if not good:
            break
        if number >= clip.track.frames[0]:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            tile = cv2.warpAffine(image[..., ::-1], matrix, (TILE, TILE), flags=how, borderMode=cv2.BORDER_REPLICATE)
            found.append(tile)
    while len(found) < len(clip.track.frames):
        found.append(found[-1])
    return found


def make_film(kind: str, seed: int, people: dict[str, list[Clip]], folder: Path, label: str) -> tuple[Path, Path]:
    """The film's file and its truth (JSON), made where they do not exist yet."""
    stem = f"{kind.replace(', ', '_').replace(' ', '_')}_{label}_{seed}"
    video, truth = folder / f"{stem}.mp4", folder / f"{stem}.json"
    if truth.exists():
        return video, truth
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((seed, len(kind), label == "first"))
    tiles, act = KINDS[kind]
    film = Film(stem, tiles)
    act(film, Cutter(people, rng), rng)
    sound = np.concatenate(film.sound)
    sound = sound + rng.normal(0, _ROOM, len(sound)).astype(np.float32)
    with temporary_folder() as held:
        soundfile.write(held / "sound.wav", np.clip(sound, -1, 1), RATE)
        pictures = write_pictures(held / "pictures.mkv", _pictures(film), Fraction(FPS))
        command = [find_ffmpeg().path, "-loglevel", "error", "-y", "-i", str(pictures), "-i", str(held / "sound.wav")]
        run_ffmpeg([*command, "-c:v", "libx264", "-crf", "18", "-preset", "veryfast", "-pix_fmt", "yuv420p",
                    "-c:a", "aac", "-b:a", "128k", str(video)], timeout=600)  # fmt: skip
    places = []
    for _, seen, shown in film.shots:
        count = len(next(iter(shown.values())).seconds)
        middle = {
            name: (place + 0.5) * TILE if len(seen) > 1 else film.tiles * TILE / 2 for name, place in seen.items()
        }
        places += [middle] * count
    truth.write_text(json.dumps({"speaker": film.speaker, "places": places}))
    return video, truth


@dataclass
class Score:
    """Over films of one kind: frames, those told right, those that the largest face would be right about (the
    person whom `--face largest` takes, for all of the film), turns, and those whose begin and end are found in time."""

    frames: int = 0
    right: int = 0
    largest: int = 0
    turns: int = 0
    found: int = 0
    late: list[float] = field(default_factory=list)

    def __iadd__(self, other: Score) -> Score:
        for name in ("frames", "right", "largest", "turns", "found", "late"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    @property
    def row(self) -> str:
        return (
            f"{self.right / self.frames:.3f} | {self.largest / self.frames:.3f} | {self.found} of {self.turns} | "
            f"{np.median(self.late):+.2f} ({min(self.late):+.2f} to {max(self.late):+.2f})"
        )


def score(video: Path, truth: Path, delay: float = 0.0) -> Score:
    """How right `who_speaks` is about a film. delay: seconds by which its sound is moved first."""
    known = json.loads(truth.read_text())
    info = probe(video)
    video_tracks = track_video(info)
    people = VideoPeople(info, video_tracks, ShapeModel.load(find("face_shape")))
    with temporary_folder() as folder:
        heard = info if not delay else probe(_delayed(video, delay, folder))
        try:
            told = who_speaks(heard, video_tracks, people, folder)
            speaker, late = told.speaker, told.late
        except NoFaceError:
            # Which is right where all voices come from off the screen.
            speaker, late = np.full(len(video_tracks.times), NOBODY), None
    places = known["places"]
    wanted = ["" if name == "?" else name for name in _with_pauses(known["speaker"])]
    best = choose(people.persons, "largest", video_tracks.tracks, video_tracks.times)
    count = min(len(wanted), len(speaker))
    said = [_name(people.persons, int(speaker[frame]), frame, places[frame]) for frame in range(count)]
    largest = [_name([best], 0, frame, places[frame]) for frame in range(count)]
    turns = [(start, stop, name) for start, stop, name in _turns(wanted[:count]) if name and stop - start >= FPS // 2]
    got = [(start, stop, name) for start, stop, name in _turns(said) if name]
    near = round(_IN_TIME * FPS)
    found = sum(
        any(name == who and abs(first - start) <= near and abs(last - stop) <= near for first, last, name in got)
        for start, stop, who in turns
    )
    return Score(
        count,
        sum(one == other for one, other in zip(said, wanted, strict=False)),
        sum(one == other for one, other in zip(largest, wanted, strict=False)),
        len(turns),
        found,
        [] if late is None else [FPS * late],
    )


def _name(persons: Sequence[Person], number: int, frame: int, places: dict[str, float]) -> str:
    """Which corpus person a face of a frame is, by its place; "" for nobody, "-" for one who is not seen there."""
    if number < 0:
        return ""
    for track in persons[number].tracks:
        row = int(np.searchsorted(track.frames, frame))
        if row < len(track.frames) and track.frames[row] == frame:
            return min(places, key=lambda name: abs(places[name] - float(track.anchors[row, 0])))
    return "-"


def _with_pauses(names: Sequence[str]) -> list[str]:
    """The same with short silence between what one person says and says next as theirs."""
    found, turns = list(names), _turns(names)
    for (_, _, before), (start, stop, here), (_, _, after) in zip(turns, turns[1:], turns[2:], strict=False):
        if here == "" and before == after != "?" and stop - start <= _PAUSE * FPS:
            found[start:stop] = [before] * (stop - start)
    return found


def _turns(names: Sequence[str]) -> list[tuple[int, int, str]]:
    edges = [0, *(place for place in range(1, len(names)) if names[place] != names[place - 1]), len(names)]
    return [(start, stop, names[start]) for start, stop in pairwise(edges)]


def _delayed(video: Path, seconds: float, folder: Path) -> Path:
    """The film with its sound moved."""
    moved = folder / "moved.mkv"
    command = [find_ffmpeg().path, "-loglevel", "error", "-i", str(video), "-itsoffset", str(seconds), "-i", str(video)]
    run_ffmpeg([*command, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "flac", str(moved)], timeout=60)
    return moved


def main() -> None:
    parser = argparse.ArgumentParser(description="Who speaks when, on films put together from corpus people.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("films", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--half", choices=("first", "second"), default="second")
    parser.add_argument("--delay", type=int, default=0, metavar="FRAMES", help="move the films' sound first")
    asked = parser.parse_args()
    people = read_clips(asked.corpus, asked.manifest, asked.data, asked.half)
    print("| films | right | largest face | turns within 0.4 s | sound late, frames |")
    print("|---|---|---|---|---|")
    for kind in KINDS:
        total = Score()
        for seed in range(asked.seeds):
            total += score(*make_film(kind, seed, people, asked.films, asked.half), asked.delay / FPS)
        print(f"| {kind} | {total.row} |", flush=True)


if __name__ == "__main__":
    main()
