"""Signed manifests of results, by the C2PA specification 2.x: what was done, of which files, with which weights."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from dubtool import __version__
from dubtool.errors import OutputError, UsageError
from dubtool.media.sequence import is_pattern
from dubtool.provenance.credentials import Credentials
from dubtool.provenance.xmp import DIGITAL_SOURCE_TYPE

# Of C2PA's own reader and writer.
FORMATS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".png": "image/png"}
# Of files that a result may be made of, and that may have a manifest of their own.
_READABLE = FORMATS | {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".wav": "audio/wav", ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4", ".avi": "video/avi", ".flac": "audio/flac", ".tif": "image/tiff", ".tiff": "image/tiff",
}  # fmt: skip
JOB = "org.dubtool.job"
_GENERATOR = {"name": "dubtool", "version": __version__}
_BLOCK = 2**20
# A white pixel, to try credentials on.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154"
    "789c63f80f0001010100b138f6140000000049454e44ae426082"
)


@dataclass(frozen=True)
class Ingredient:
    """A file that a result is made of. role: "video", "speech", and so on; the first of a job is what was opened.
    path: None where there is no file that others could have (pictures in memory)."""

    role: str
    name: str
    path: Path | None


@dataclass(frozen=True)
class Story:
    """What a manifest tells. description: one line. model: of the job; weights: sha256 by name."""

    job: str
    description: str
    model: str
    weights: Mapping[str, str]
    ingredients: Sequence[Ingredient]


def check_format(target: Path) -> None:
    """Raise UsageError for an output that cannot be signed."""
    if is_pattern(target):
        raise UsageError(f"{target}: C2PA cannot sign image sequences: write .mp4 or .mov, or do not sign")
    if target.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{target}: C2PA cannot sign files of the kind '{target.suffix}': write .mp4 or .mov, or do not sign"
        )


def try_credentials(who: Credentials) -> None:
    """Sign a pixel. Raises UsageError where C2PA does not take the certificate."""
    from c2pa import C2paError

    story = Story("", "", "", {}, ())
    try:
        _sign(who, story, "image/png", io.BytesIO(_PIXEL), io.BytesIO(), "")
    except C2paError as error:
        raise UsageError(f"the certificate of {who.subject} cannot sign by C2PA: {_line(error)}") from error


def sign(part: Path, signed: Path, target: Path, story: Story, who: Credentials) -> None:
    """Write a signed copy of `part` to `signed`; `target` is the name that it will have.

    Raises:
        OutputError: it cannot be signed or written, or an ingredient cannot be read any more.
    """
    from c2pa import C2paError

    try:
        with part.open("rb") as source, signed.open("r+b") as written:
            _sign(who, story, FORMATS[target.suffix.lower()], source, written, target.name)
    except OSError as error:
        raise OutputError(f"{target} cannot be signed: {error.strerror or error}") from error
    except C2paError as error:
        raise OutputError(f"{target} cannot be signed: {_line(error)}") from error


def _sign(who: Credentials, story: Story, kind: str, source: BinaryIO, written: BinaryIO, title: str) -> None:
    from c2pa import Builder, C2paSignerInfo, Signer

    signer = Signer.from_info(C2paSignerInfo(who.algorithm.encode(), who.chain, who.key, None))
    with Builder(json.dumps(_definition(story, kind, title))) as builder:
        for number, one in enumerate(story.ingredients):
            form = "application/octet-stream"
            told = {
                "title": one.name,
                "relationship": "componentOf" if number else "parentOf",
                "label": one.role,
            }
            if one.path is None:
                builder.add_ingredient(json.dumps(told | {"format": form}), form, io.BytesIO(b""))
                continue
            form = _READABLE.get(one.path.suffix.lower(), form)
            with one.path.open("rb") as file:
                builder.add_ingredient(json.dumps(told | {"format": form}), form, file)
        builder.sign(signer, kind, source, written)


def _definition(story: Story, kind: str, title: str) -> dict[str, Any]:
    actions: list[dict[str, Any]] = []
    for number, one in enumerate(story.ingredients):
        actions.append(
            {"action": "c2pa.placed" if number else "c2pa.opened", "parameters": {"ingredientIds": [one.role]}}
        )
    if not actions:
        actions.append({"action": "c2pa.created", "digitalSourceType": DIGITAL_SOURCE_TYPE})
    else:
        actions.append(
            {
                "action": "c2pa.edited",
                "digitalSourceType": DIGITAL_SOURCE_TYPE,
                "softwareAgent": _GENERATOR,
                "description": story.description,
            }
        )
    job = {
        "job": story.job,
        "model": story.model,
        "ingredients": [
            {"role": one.role, "title": one.name} | ({"sha256": _digest(one.path)} if one.path else {})
            for one in story.ingredients
        ],
        "weights": [{"name": name, "sha256": digest} for name, digest in story.weights.items()],
    }
    return {
        "claim_generator_info": [_GENERATOR],
        "title": title,
        "format": kind,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": JOB, "data": job},
        ],
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
