"""What a result says of its making: marks in the file, and where somebody signs a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dubtool import __version__
from dubtool.jobs.shared.calls import IN_MEMORY
from dubtool.jobs.shared.options import JobOptions
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.rights import rights_of
from dubtool.media.encode import VideoWriter
from dubtool.media.sequence import is_pattern
from dubtool.provenance.credentials import credentials
from dubtool.provenance.manifest import Ingredient, Story, check_format, sign, try_credentials
from dubtool.provenance.mark import BOXED, mark
from dubtool.provenance.verify import SIGNED
from dubtool.provenance.xmp import DIGITAL_SOURCE_TYPE

_MADE = {
    "dub": "the mouth was generated",
    "reenact": "the portrait was animated",
    "restore-teeth": "the teeth were redrawn",
}
# Inputs whose file the outputs know, pipes that were read into one included.
_VIDEOS, _SOUNDS = ("video", "driver"), ("speech",)


def check_signing(target: Path, options: Mapping[str, Any]) -> None:
    """Refuse before any work what cannot be signed, or by whom it cannot be.

    Raises:
        UsageError, InputError: one line says why.
    """
    who = credentials(options)
    if who is not None:
        check_format(target)
        try_credentials(who)


class Attestation:
    """Marks and signature of one result, which the report tells of."""

    def __init__(self, target: Path, options: JobOptions, report: Report, video: Path, sound: Path | None) -> None:
        """video: the file that frames come from; sound: the soundtrack's, where it is another one."""
        self._target, self._options, self._report = target, options, report
        self._files = dict.fromkeys(_VIDEOS, video) | ({} if sound is None else dict.fromkeys(_SOUNDS, sound))
        self._who = credentials(vars(options))
        report.details["provenance"] = {
            "digital_source_type": DIGITAL_SOURCE_TYPE,
            "mark": "XMP" if target.suffix.lower() in {*BOXED, ".png"} else "tag",
            "signed": self._who is not None,
            "signer": None if self._who is None else self._who.subject,
        }
        report.details["rights"] = rights_of(report)

    @property
    def comment(self) -> str:
        """One line for the result's metadata: that it is synthetic, what made it, and whether that is signed."""
        return self.description + (f"; {SIGNED}" if self._who is not None else "")

    @property
    def description(self) -> str:
        """The same for what stands beside the result, which nobody signs."""
        report = self._report
        weights = ", ".join(f"{name} sha256:{digest[:16]}" for name, digest in report.weights.items())
        named = f" ({weights})" if weights else ""
        return f"Synthetic: {_MADE[report.job]} by dubtool {__version__}, model {report.model}{named}"

    def attest(self, writer: VideoWriter) -> None:
        """Mark, and sign, a finished file.

        Raises:
            OutputError: it cannot be done.
        """
        mark(writer.part, self.comment)
        who = self._who
        if who is None:
            return
        report = self._report
        ingredients = [self._ingredient(role, name) for role, name in report.inputs.items()]
        soundtrack = getattr(self._options, "soundtrack", None)
        if soundtrack is not None:
            ingredients.append(Ingredient("soundtrack", soundtrack.name, soundtrack))
        ingredients.sort(key=lambda one: one.role not in _VIDEOS)
        story = Story(report.job, self.comment, report.model, report.weights, ingredients)
        with report.timed("sign"):
            writer.rewrite(lambda part, signed: sign(part, signed, self._target, story, who))

    def _ingredient(self, role: str, name: str) -> Ingredient:
        path = Path(name)
        if name == IN_MEMORY or is_pattern(path) or path.is_dir():
            return Ingredient(role, path.name, None)
        # What was read from a pipe lies in a file of its own.
        found = path if path.is_file() else self._files.get(role)
        return Ingredient(role, path.name, found)
