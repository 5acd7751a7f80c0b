"""Manifests by C2PA: made, shown, and what re-encoding and tampering do to them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from dubbing_place import Capture, Refused, ffmpeg

from dubtool.cli import main
from dubtool.provenance import boxes
from dubtool.provenance.xmp import DIGITAL_SOURCE_TYPE

pytest.importorskip("c2pa")

from signers import Signer, make_signer


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("signer"))


_MADE: dict[str, bytes] = {}


@pytest.fixture
def signed(place: Path, video: Path, sound: Path, signer: Signer, capfd: Capture) -> Path:
    """A dub that is signed; it is made once."""
    out = place / "out.mp4"
    if not _MADE:
        files = [video, sound, "-o", out, "--sign", signer.chain, "--key", signer.key]
        assert main(["dub", *map(str, files), "--json", "--model", "dinet-shape"]) == 0
        told = capfd.readouterr()
        assert "provenance: marked as synthetic (XMP), signed by O=Test Studio,CN=Test Signer" in told.err
        assert json.loads(told.out)["details"]["provenance"]["signed"] is True
        _MADE["dub"] = out.read_bytes()
    out.write_bytes(_MADE["dub"])
    return out


def _verified(path: Path, capfd: Capture, *words: object, code: int = 0) -> dict[str, Any]:
    assert main(["verify", str(path), "--json", *(str(word) for word in words)]) == code
    told = capfd.readouterr()
    assert told.err.count("\n") == (1 if code else 0), told.err
    return json.loads(told.out)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_manifest_tells_what_was_done_with_which_files(
    signed: Path, video: Path, sound: Path, signer: Signer, capfd: Capture
) -> None:
    found = _verified(signed, capfd)
    assert (found["state"], found["problems"]) == ("signed", [])
    assert (found["source_type"], found["synthetic"]) == (DIGITAL_SOURCE_TYPE, True)
    assert (found["signer"], found["issuer"]) == ("Test Signer", "Test Studio")
    assert found["actions"] == ["opened", "placed", "edited"]
    assert found["ingredients"] == [
        {"role": "video", "title": "video.mp4", "sha256": _sha256(video)},
        {"role": "speech", "title": "sound.wav", "sha256": _sha256(sound)},
    ]
    assert "dinet-shape_once" in {one["name"] for one in found["weights"]}
    assert all(len(one["sha256"]) == 64 for one in found["weights"])
    assert _verified(signed, capfd, "--trust", signer.authority, "--signed")["state"] == "trusted"


def test_a_byte_that_was_changed_is_noticed(signed: Path, capfd: Capture) -> None:
    with signed.open("r+b") as file:
        body = next(box for box in boxes.boxes(file) if box.kind == "mdat")
        file.seek(body.body + body.size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    found = _verified(signed, capfd, code=3)
    assert (found["state"], found["problems"]) == ("changed", ["its content is not what was signed"])


def test_a_mark_that_was_changed_is_noticed(signed: Path, capfd: Capture) -> None:
    content = signed.read_bytes()
    at = content.rindex(b'compositeWithTrainedAlgorithmicMedia"')
    signed.write_bytes(content[:at] + b"c0mposite" + content[at + 9 :])
    assert _verified(signed, capfd, code=3)["state"] == "changed"


def test_a_manifest_that_was_damaged_is_noticed(signed: Path, capfd: Capture) -> None:
    with signed.open("r+b") as file:
        box = next(box for box in boxes.boxes(file) if box.uuid == boxes.C2PA)
        file.seek(box.body + (box.size - 24) // 3)
        file.write(b"\0" * 64)
    assert _verified(signed, capfd, code=3)["state"] == "changed"


@pytest.mark.parametrize("how", [["-c", "copy"], ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy"]])
def test_a_copy_that_was_packed_or_encoded_anew_is_noticed(
    signed: Path, place: Path, capfd: Capture, how: list[str]
) -> None:
    again = place / "again.mp4"
    ffmpeg("-i", signed, *how, again)
    found = _verified(again, capfd, code=3)
    assert (found["state"], found["synthetic"]) == ("stripped", True)


def test_a_signed_source_stays_in_the_chain(signed: Path, sound: Path, place: Path, signer: Signer) -> None:
    from c2pa import Reader

    out = place / "again.mov"
    words = ["restore-teeth", signed, "-o", out, "--sign", signer.chain, "--key", signer.key, "--quiet"]
    assert main([str(word) for word in words]) == 0
    with out.open("rb") as file, Reader("video/quicktime", file) as reader:
        found = json.loads(reader.json())
    assert len(found["manifests"]) == 2
    assert found["manifests"][found["active_manifest"]]["ingredients"][0]["active_manifest"] in found["manifests"]


def test_without_a_manifest_that_is_said(place: Path, video: Path, capfd: Capture) -> None:
    assert main(["verify", str(video)]) == 0
    assert "signed: no: what it says of itself can be changed by anybody" in capfd.readouterr().out
    assert main(["verify", str(video), "--signed"]) == 3
    assert capfd.readouterr().err == f"dubtool: {video} is not signed\n"


def test_variables_name_the_signer(
    place: Path, video: Path, sound: Path, signer: Signer, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBTOOL_SIGN_CERT", str(signer.chain))
    assert "--key FILE or $DUBTOOL_SIGN_KEY" in refused(2, video, sound)
    monkeypatch.setenv("DUBTOOL_SIGN_KEY", str(signer.key))
    for suffix in (".mkv", ".webm"):
        assert f"C2PA cannot sign files of the kind '{suffix}'" in refused(2, video, sound, "-o", place / f"o{suffix}")


def test_what_cannot_sign_is_told_before_any_work(
    place: Path, video: Path, sound: Path, signer: Signer, refused: Refused, tmp_path: Path
) -> None:
    def told(code: int, chain: Path, key: Path) -> str:
        return refused(code, video, sound, "--sign", chain, "--key", key)

    other = make_signer(tmp_path, "other")
    assert "is not the key of the first certificate" in told(2, signer.chain, other.key)
    old = make_signer(tmp_path, "old", days=(-9, -3))
    assert "give one that is valid today" in told(2, old.chain, old.key)
    assert "cannot sign by C2PA" in told(2, *_files(make_signer(tmp_path, "login", may_sign=False)))
    (tmp_path / "empty").touch()
    assert "holds no certificates in PEM" in told(2, tmp_path / "empty", signer.key)
    assert "holds no private key in PEM" in told(2, signer.chain, tmp_path / "empty")
    assert "cannot be read: no such file" in told(3, tmp_path / "none", signer.key)


def _files(signer: Signer) -> tuple[Path, Path]:
    return signer.chain, signer.key


def test_other_kinds_of_keys_sign_too(tmp_path: Path) -> None:
    from dubtool.provenance.credentials import credentials
    from dubtool.provenance.manifest import try_credentials

    made = make_signer(tmp_path, edwards=True)
    who = credentials({"sign": made.chain, "key": made.key})
    assert who is not None
    assert who.algorithm == "ed25519"
    assert "PRIVATE" not in repr(who), "keys stay out of logs"
    try_credentials(who)


def test_without_the_extra_it_is_named(
    place: Path, video: Path, sound: Path, signer: Signer, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dubtool.provenance.extra.importlib.util.find_spec", lambda name: None)
    told = refused(2, video, sound, "--sign", signer.chain, "--key", signer.key)
    assert 'pip install "dubtool[sign]"' in told
    assert main(["verify", str(video)]) == 0
