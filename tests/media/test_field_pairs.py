from __future__ import annotations

from pathlib import Path

import pytest
from dubbing_place import Make

from dubtool.media.field_pairs import one_moment_a_frame
from dubtool.media.probe import probe

# Two films with a cut between them, which combs with anything.
_CUT = "drawbox=c=white:t=fill:enable='between(n,20,40)'"


def _video(make: Make, order: str, filters: str, rate: str = "50") -> Path:
    flags = ["-flags", "+ilme+ildct", "-x264-params", f"{order}=1"]
    return make("a.mp4", "-c:v", "libx264", "-crf", 18, *flags, size="160x128", rate=rate, frames=24, filters=filters)


@pytest.mark.parametrize("cut", ["null", _CUT])
@pytest.mark.parametrize(("order", "first"), [("tff", "top"), ("bff", "bottom")])
def test_fields_of_their_own_moments_are_told_from_film_in_fields(
    make_video: Make, order: str, first: str, cut: str
) -> None:
    woven = _video(make_video, order, f"{cut},gblur=1,tinterlace=interleave_{first},setfield={order}")
    info = probe(woven)
    assert info.require_video().field_order == ("tt" if order == "tff" else "bb")
    assert not one_moment_a_frame(info)
    film = _video(make_video, order, f"{cut},gblur=1,setfield={order}", rate="25")
    assert one_moment_a_frame(probe(film))


def test_the_wrong_order_is_no_film(make_video: Make) -> None:
    assert not one_moment_a_frame(probe(_video(make_video, "tff", "gblur=1,tinterlace=interleave_bottom,setfield=tff")))


def test_of_a_still_picture_nothing_is_held_for_film(make_video: Make) -> None:
    still = _video(make_video, "tff", "loop=loop=-1:size=1:start=0,setpts=N/25/TB,setfield=tff", rate="25")
    assert not one_moment_a_frame(probe(still))
