"""What a file says of its making, and whether that can be believed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dubtool.errors import InputError
from dubtool.media.sequence import is_pattern
from dubtool.media.spool import read_whole, spooling
from dubtool.provenance import boxes
from dubtool.provenance.extra import require_extra
from dubtool.provenance.manifest import JOB
from dubtool.provenance.mark import Mark, mark_of
from dubtool.provenance.png import chunks
from dubtool.provenance.xmp import DIGITAL_SOURCE_TYPE

# Words in the comment of results that were signed.
SIGNED = "signed by C2PA"
_OURS = "by dubtool"
_PNG = b"\x89PNG"
_STRIPPED = "it says that it was signed, and has no manifest: it was encoded or packed anew"
# A certificate that nobody here knows says nothing against the file.
_UNTRUSTED = "signingCredential.untrusted"
# What the codes of the C2PA specification mean, for people.
_MEANT = {
    "assertion.bmffHash.mismatch": "its content is not what was signed",
    "assertion.dataHash.mismatch": "its content is not what was signed",
    "assertion.hashedURI.mismatch": "its manifest was changed",
    "claimSignature.mismatch": "its signature is wrong",
    "signingCredential.expired": "the certificate had expired when it was signed",
    "signingCredential.invalid": "the certificate may not sign",
}


@dataclass(frozen=True)
class Provenance:
    """What a file says of its making.

    state: "trusted" (signed, whole, by somebody of the trusted list), "signed" (whole, by a certificate that the list
    does not know), "changed" (signed, and not what was signed), "stripped" (it says that it was signed, and has no
    manifest: it was encoded or packed anew), or "unsigned". problems: one line each. ingredients, weights: as the
    manifest tells them, with sha256.
    """

    file: str
    state: str
    synthetic: bool
    source_type: str | None
    text: str | None
    signer: str | None = None
    issuer: str | None = None
    time: str | None = None
    generator: str | None = None
    actions: list[str] = field(default_factory=list)
    model: str | None = None
    ingredients: list[dict[str, str]] = field(default_factory=list)
    weights: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def believable(self) -> bool:
        """Whether nothing speaks against what it says."""
        return self.state not in ("changed", "stripped")

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def verify(file: Path | str, trust: Path | str | None = None) -> Provenance:
    """What a file says of its making. trust: certificates in PEM of those whose signatures are trusted.

    Raises:
        InputError: a file cannot be read. UsageError: the file has a manifest, and the extra `sign` is not there.
    """
    path = Path(file)
    with spooling() as spooled:
        return _provenance(path, spooled.path(path), None if trust is None else Path(trust))


def _provenance(given: Path, path: Path, trust: Path | None) -> Provenance:
    """given: the file's name; path: where it can be read again and again."""
    told = mark_of(path)
    marked = told.source_type == DIGITAL_SOURCE_TYPE or _OURS in (told.text or "")
    found = _manifest(path, None if trust is None else Path(trust)) if _has_manifest(path) else None
    if found is None:
        stripped = SIGNED in (told.text or "")
        problems = [_STRIPPED] if stripped else []
        state = "stripped" if stripped else "unsigned"
        return Provenance(str(given), state, marked, told.source_type, told.text, problems=problems)
    return _told(given, told, marked, found)


def _has_manifest(path: Path) -> bool:
    if is_pattern(path) or path.is_dir():
        return False
    try:
        with path.open("rb") as file:
            if file.read(4) == _PNG:
                file.seek(0)
                return any(kind == b"caBX" for kind, _, _ in chunks(file.read()))
            return any(box.uuid == boxes.C2PA for box in boxes.boxes(file))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error


def _manifest(path: Path, trust: Path | None) -> dict[str, Any]:
    """C2PA's own report. A manifest that cannot be read at all is told as a failure."""
    require_extra(f"checking the manifest of {path}")
    from c2pa import C2paError, Context, Reader, Settings

    settings: dict[str, Any] = {"verify": {"verify_trust": True}}
    if trust is not None:
        try:
            settings["trust"] = {"trust_anchors": read_whole(trust).decode("ascii")}
        except ValueError as error:
            raise InputError(f"{trust} cannot be read as certificates in PEM") from error
    try:
        with path.open("rb") as file:
            kind = "image/png" if file.read(4) == _PNG else "video/mp4"
            file.seek(0)
            with Reader(kind, file, context=Context(Settings.from_dict(settings))) as reader:
                return json.loads(reader.json()) | {"state": str(reader.get_validation_state())}
    except C2paError as error:
        if trust is not None and "trust" in str(error).lower():
            raise InputError(f"{trust} holds no certificates that C2PA understands") from error
        return {"broken": " ".join(str(error).split())}


def _told(path: Path, told: Mark, marked: bool, found: dict[str, Any]) -> Provenance:
    if "broken" in found:
        problems = [f"its manifest cannot be read: {found['broken']}"]
        return Provenance(str(path), "changed", marked, told.source_type, told.text, problems=problems)
    manifest = found["manifests"][found["active_manifest"]]
    failures = found.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    codes = list(dict.fromkeys(one["code"] for one in failures if one["code"] != _UNTRUSTED))
    problems = [_MEANT.get(code, code) for code in codes]
    untrusted = any(one["code"] == _UNTRUSTED for one in failures)
    if found["state"] == "Invalid" and not problems:
        problems = ["its manifest is not valid"]
    state = "changed" if problems else "signed" if untrusted else "trusted"
    data: dict[str, Any] = {one["label"]: one.get("data", {}) for one in manifest.get("assertions", [])}
    actions: list[dict[str, Any]] = next(
        (one.get("actions", []) for label, one in data.items() if label.startswith("c2pa.actions")), []
    )
    kinds = [str(one["digitalSourceType"]) for one in actions if "digitalSourceType" in one]
    made = any(kind.endswith("AlgorithmicMedia") for kind in kinds)
    job = data.get(JOB, {})
    signature = manifest.get("signature_info") or {}
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    ingredients = job.get("ingredients") or [
        {"role": one.get("relationship", ""), "title": one.get("title", "")} for one in manifest.get("ingredients", [])
    ]
    return Provenance(
        file=str(path),
        state=state,
        synthetic=marked or made,
        source_type=told.source_type or next(iter(kinds), None),
        text=told.text,
        signer=signature.get("common_name"),
        issuer=signature.get("issuer"),
        time=signature.get("time"),
        generator=" ".join(filter(None, (generator.get("name"), generator.get("version")))) or None,
        actions=[str(one.get("action", "")).removeprefix("c2pa.") for one in actions],
        model=job.get("model"),
        ingredients=ingredients,
        weights=job.get("weights", []),
        problems=problems,
    )
