"""What becomes of interlaced pictures: each field is worked on by itself, or frames are made progressive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dubtool.jobs.shared.report import Report
from dubtool.media.codecs import FIELD_ENCODERS
from dubtool.media.field_pairs import one_moment_a_frame
from dubtool.media.frame import Frame
from dubtool.media.interlace import FieldOrder, ReadAs, field_rows
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
        if one_moment_a_frame(info):
            # A mouth that moved between the fields of such frames would comb.
            report.details["fields"] += "; both fields of a frame show one moment"
            return info
        return _read_as(info, "fields")
    if not deinterlace:
        keep = ", ".join(sorted(FIELD_ENCODERS))
        report.warn(f"{info.path} is interlaced and {codec} knows no fields: deinterlaced; {keep} keep them")
    report.details["fields"] = "deinterlaced"
    return _read_as(info, "deinterlaced")


def progressive(info: MediaInfo) -> MediaInfo:
    """The video to be read so that every frame is one moment."""
    if info.require_video().field_order == "progressive" or one_moment_a_frame(info):
        return info
    return _read_as(info, "deinterlaced")


def woven(first: Frame, second: Frame, order: FieldOrder) -> Frame:
    """The frame of two pictures of a reader of fields: the rows of each that are its own. `first` is changed to it.

    order: of the fields; the first is shown first.
    """
    turns = first.rotation // 90
    for plane, other in zip(first.planes, second.planes, strict=True):
        coded = field_rows(1, order)
        np.rot90(plane, turns)[coded] = np.rot90(other, turns)[coded]
    first.field_order = order
    return first


def _read_as(info: MediaInfo, way: ReadAs) -> MediaInfo:
    return replace(info, video=replace(info.require_video(), read_as=way))
