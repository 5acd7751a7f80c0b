"""What is to be said in a dub: one speech, or a cast in one of the ways that people give it."""

from __future__ import annotations

from pathlib import Path

from dubtool.errors import UsageError
from dubtool.jobs.shared.calls import Sound, named, sound_file
from dubtool.jobs.shared.cast import Cast, CastRow, read_cast
from dubtool.jobs.shared.cues import cast_of_cues
from dubtool.jobs.shared.options import DubOptions


def cast_of(options: DubOptions, speech: object) -> Cast | None:
    """Who speaks; None for one person whose speech is taken as it is.

    Raises:
        UsageError: there is neither a speech nor a cast, or both. InputError: the cast cannot be read.
    """
    several = options.cast is not None or options.cues is not None
    if speech is not None and several:
        raise UsageError("a cast says what is heard: leave out the SPEECH, or --cast, --speaker and --cues")
    if speech is None and not several:
        raise UsageError("nothing is to be said: give a SPEECH, a --cast, one --speaker or more, or --cues")
    if options.cues is not None and options.voices is not None:
        return cast_of_cues(options.cues, options.voices, options.face)
    return options.cast if isinstance(options.cast, Cast) or options.cast is None else read_cast(options.cast)


def what_is_said(
    speech: Sound | None, sample_rate: int | None, folder: Path, options: DubOptions, cast: Cast | None
) -> Path | Cast:
    """The cast where there is one, and of one speech that is to be fitted to the film; else the speech's file, made in
    `folder` of samples.

    Raises:
        UsageError, InputError, OutputError: see `sound_file`.
    """
    if cast is not None or speech is None:
        assert cast is not None
        return cast
    file = sound_file(speech, sample_rate, folder)
    if options.fit == "none":
        return file
    return Cast((CastRow(options.face, file, to_end=True, place=named(speech)),))


def named_inputs(video: object, speech: object, options: DubOptions) -> dict[str, str]:
    """What the report calls the inputs."""
    if speech is not None:
        return {"video": named(video), "speech": named(speech)}
    if options.cues is not None:
        return {"video": named(video), "cues": named(options.cues), "voices": named(options.voices)}
    return {"video": named(video), "cast": named(options.cast)}
