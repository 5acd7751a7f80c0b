"""Films as files of one picture each, PNG or EXR: their names, their rate, and `sequence.json` beside them."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from dubtool.errors import InputError, OutputError, UsageError
from dubtool.media.codecs import is_container
from dubtool.media.color import PRIMARIES, TRANSFERS, UNKNOWN
from dubtool.media.exact import exact
from dubtool.media.ffmpeg import file_url, find_ffmpeg, run_ffmpeg

SIDECAR = "sequence.json"
SUFFIXES = frozenset({".png", ".exr"})
_DEFAULT = "frames_%06d"
_FIELD = re.compile(r"%(?:0(\d+))?d")
_NUMBERED = re.compile(r"^(.*?)(\d+)$")
_LONGEST = 24 * 3600.0
# Frames a second.
FASTEST = 1000


@dataclass(frozen=True)
class Sequence:
    """Files that are there. pattern: their path with %d or %0Nd for the number; first: number of the first one."""

    pattern: Path
    first: int
    count: int

    @property
    def told(self) -> dict[str, Any]:
        """What the sidecar tells; empty without one. Raises InputError where it cannot be understood."""
        path = self.pattern.parent / SIDECAR
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} cannot be read as JSON: correct it, or give --rate") from error
        return told if isinstance(told, dict) else {}


def is_pattern(path: Path) -> bool:
    """Whether a path names files of one picture each."""
    return len(_FIELD.findall(path.name)) == 1 and path.suffix.lower() in SUFFIXES


def output_pattern(output: Path, container: str | None) -> Path:
    """The pattern of an output: itself, or that of a folder where `container` is a kind of pictures.

    Raises:
        UsageError: a single picture is named.
    """
    kind = f".{(container or '').lower().removeprefix('.')}"
    if kind in SUFFIXES and (output.is_dir() or not is_container(output.suffix)):
        return output / f"{_DEFAULT}{kind}"
    if output.suffix.lower() in SUFFIXES and not is_pattern(output):
        raise UsageError(f"{output} is a single picture: name the frames, as in {_DEFAULT}{output.suffix}")
    return output


def files_of(pattern: Path) -> dict[int, Path]:
    """The files of a pattern that are there, by number, rising."""
    field = _FIELD.search(pattern.name)
    assert field is not None
    before, after = (re.escape(part) for part in (pattern.name[: field.start()], pattern.name[field.end() :]))
    digits = rf"\d{{{field[1]},}}" if field[1] else r"\d+"
    named = re.compile(f"{before}({digits}){after}")
    try:
        found = {int(match[1]): path for path in pattern.parent.iterdir() if (match := named.fullmatch(path.name))}
    except OSError:
        return {}
    return dict(sorted(found.items()))


def find_sequence(given: Path) -> Sequence | None:
    """The sequence that an input names by its pattern or its folder; None where it names something else.

    Raises:
        InputError: there are no such files, or one of them is missing.
    """
    if is_pattern(given):
        pattern = given
    elif given.is_dir():
        pattern = _pattern_in(given)
    else:
        return None
    numbers = list(files_of(pattern))
    if not numbers:
        raise InputError(f"{given}: there are no such files")
    missing = next((number for number in range(numbers[0], numbers[-1]) if number not in set(numbers)), None)
    if missing is not None:
        raise InputError(f"{given}: frame {missing} is missing between {numbers[0]} and {numbers[-1]}")
    return Sequence(pattern, numbers[0], len(numbers))


def film_of(sequence: Sequence, rate: Fraction | None, folder: Path, most: int | None = None) -> Path:
    """The sequence as one file in `folder`, nothing lost: FFV1 of RGB, 8 or 16 bits.

    rate: frames a second, else the sidecar's. most: frames that are taken, from the first one on; None: all.

    Raises:
        UsageError: nobody tells the rate. InputError: a picture cannot be read. OutputError: there is no room.
    """
    told = _told(sequence, needed=rate is None)
    rate = rate_of(sequence, rate)
    path = folder / "sequence.mkv"
    color: dict[str, Any] = told["color"] if isinstance(told.get("color"), dict) else {}
    tags = {"color_primaries": _known(color, "primaries", PRIMARIES), "color_trc": _known(color, "trc", TRANSFERS)}
    declared = ":".join(f"{name}={value}" for name, value in tags.items() if value)
    filters = [f"setparams={declared}"] if declared else []
    layout = _layout(sequence)
    filters.append(f"format={layout}")
    if layout.startswith("gbra") and sequence.pattern.suffix.lower() == ".exr":
        filters.append("unpremultiply=inplace=1")
    command = [find_ffmpeg().path, "-loglevel", "error", "-nostdin", "-xerror", "-framerate", str(rate)]
    command += ["-f", "image2", "-start_number", str(sequence.first), "-i", file_url(spelled(sequence.pattern))]
    command += ["-vf", ",".join(filters), "-c:v", "ffv1", "-level", "3", "-g", "1"]
    command += [] if most is None else ["-frames:v", str(most)]
    try:
        run_ffmpeg([*command, "-y", file_url(path)], timeout=_LONGEST)
    except OutputError as error:
        if shutil.disk_usage(folder).free < 2**20:
            raise
        raise InputError(f"{sequence.pattern}: {error}") from error
    return path


def write_sidecar(
    folder: Path,
    pattern: Path,
    rate: Fraction,
    size: tuple[int, int],
    color: Mapping[str, str],
    tags: Mapping[str, str],
) -> None:
    """Write `sequence.json`. size: width and height; color: tags of the film. Raises OSError."""
    told = {
        "pattern": pattern.name,
        "rate": str(rate),
        "frames": len(files_of(folder / pattern.name)),
        "width": size[0],
        "height": size[1],
        "color": dict(color),
        "sound": None,
        **tags,
    }
    (folder / SIDECAR).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def settle_frames(made: Path, pattern: Path, *, overwrite: bool) -> None:
    """Put finished frames in their place; of an older sequence nothing is left.

    Raises:
        FileExistsError: there are such frames, and they may not be replaced. OSError: they cannot be put there.
    """
    folder = pattern.parent
    old = files_of(pattern)
    if old and not overwrite:
        raise FileExistsError(str(pattern))
    with contextlib.suppress(OSError):
        # One step, where there is no such folder yet, or an empty one.
        made.rename(folder)
        return
    made_names = {path.name for path in made.iterdir()}
    for name in sorted(made_names):
        (made / name).replace(folder / name)
    for path in old.values():
        if path.name not in made_names:
            path.unlink()
    made.rmdir()


def _pattern_in(folder: Path) -> Path:
    """The pattern of the only sequence in a folder."""
    found: dict[tuple[str, str], int] = {}
    for path in folder.iterdir():
        match = _NUMBERED.match(path.stem)
        if path.suffix.lower() in SUFFIXES and match and not path.name.startswith("."):
            key = match[1], path.suffix
            found[key] = min(found.get(key, 99), len(match[2]))
    if not found:
        raise InputError(f"{folder} is a folder without numbered PNG or EXR files: give a film, or frames_%06d.png")
    if len(found) > 1:
        names = ", ".join(f"{stem}*{suffix}" for stem, suffix in sorted(found))
        raise InputError(f"{folder} holds several sequences ({names}): name one, as in {folder}/frames_%06d.png")
    ((stem, suffix), digits), *_ = found.items()
    if "%" in stem:
        raise InputError(f"{folder}: names with '%' cannot be read: rename {stem}*{suffix}")
    return folder / f"{stem}%0{digits}d{suffix}"


def _told(sequence: Sequence, *, needed: bool) -> dict[str, Any]:
    """What the sidecar tells. Raises InputError where it cannot be understood and is needed."""
    try:
        return sequence.told
    except InputError:
        if needed:
            raise
        return {}


def rate_of(sequence: Sequence, given: Fraction | None) -> Fraction:
    """Frames a second: as given, else as the sidecar tells.

    Raises:
        UsageError: nobody tells. InputError: the sidecar's is none.
    """
    if given is not None:
        return given
    told = sequence.told
    try:
        rate = exact(str(told["rate"]))
    except KeyError:
        raise UsageError(
            f"{sequence.pattern}: a sequence has no rate of its own: give --rate, as in --rate 25"
        ) from None
    except ValueError as error:
        raise InputError(f"{sequence.pattern.parent / SIDECAR}: rate {told['rate']!r} is none: give --rate") from error
    if not 0 < rate <= FASTEST:
        raise InputError(f"{sequence.pattern.parent / SIDECAR}: rate {told['rate']!r} is none: give --rate")
    return rate


def _layout(sequence: Sequence) -> str:
    """The layout that holds the pictures: by the first one's samples."""
    import av

    path = files_of(sequence.pattern)[sequence.first]
    try:
        with av.open(file_url(path)) as container:
            picture = next(container.decode(video=0))
    except (OSError, ValueError, StopIteration, av.error.FFmpegError) as error:
        raise InputError(f"{path} is not a picture that can be read") from error
    components = picture.format.components
    bits = max(component.bits for component in components)
    alpha = len(components) in (2, 4) or bool(picture.format.has_palette)
    return ("gbrap" if alpha else "gbrp" if bits > 8 else "bgr0") + ("16le" if bits > 8 else "")


def _known(color: Mapping[str, Any], name: str, names: Mapping[int, str]) -> str:
    value = color.get(name, UNKNOWN)
    return value if value in names.values() else ""


def spelled(pattern: Path) -> Path:
    """The pattern as image2 reads it: a percent sign in a folder's name is doubled."""
    return Path(str(pattern.parent).replace("%", "%%")) / pattern.name
