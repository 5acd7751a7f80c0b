"""What becomes of interlaced pictures: their fields are kept, or progressive pictures are made of them."""

from __future__ import annotations

from dataclasses import replace

from dubtool.jobs.shared.report import Report
from dubtool.media.codecs import FIELD_ENCODERS
from dubtool.media.probe import MediaInfo

_NAMES = {"tt": "kept, top field first", "bb": "kept, bottom field first"}


def without_fields(info: MediaInfo, deinterlace: bool, report: Report) -> MediaInfo:
    """The video as it is to be read for pictures that have no fields. deinterlace: as for `with_fields`."""
    interlaced = info.require_video().field_order != "progressive"
    return with_fields(info, "", deinterlace or interlaced, report)


def with_fields(info: MediaInfo, codec: str, deinterlace: bool, report: Report) -> MediaInfo:
    """The video as it is to be read, for an output of this codec; the report says what becomes of its fields.

    deinterlace: asked for; it is also done where the codec knows no fields.
    """
    video = info.require_video()
    if video.field_order == "progressive" and not deinterlace:
        return info
    if not deinterlace and codec in FIELD_ENCODERS:
        report.details["fields"] = _NAMES[video.field_order]
        return info
    if not deinterlace:
        keep = ", ".join(sorted(FIELD_ENCODERS))
        report.warn(f"{info.path} is interlaced and {codec} knows no fields: deinterlaced; {keep} keep them")
    report.details["fields"] = "deinterlaced"
    return replace(info, video=replace(video, deinterlaced=True))
