"""`adapt` for the Python API: ties the job to the training code, which jobs know nothing of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dubtool.jobs.shared.adapted import Adapted


def adapt(
    video: Path | str,
    minutes: float = 3.0,
    *,
    face: str = "largest",
    model: str | None = None,
    device: str = "auto",
    vgg: Path | str | None = None,
    progress: Callable[[str, float, float | None], None] | None = None,
) -> Adapted:
    """Fine-tune the painter of a model on the person in `video`; give the result to `dub(..., adapted=...)`.

    A dub uses of it what measured better on held-out frames. It is kept in the cache: asked again, it is only read.
    Needs the extra `train`. minutes: to be spent in all, on the processor at hand. face, device: as for `dub`. model:
    what will dub, None for the default. vgg: VGG-19 weights, for a further perception loss. progress: called with
    (stage, done, total or None).

    Raises:
        DubtoolError: the extra is missing. For the others see `dubtool.jobs.adapt.job.adapt`.
    """
    from dubtool.jobs.adapt.job import adapt as job
    from dubtool.jobs.shared.options import DEFAULT_MODEL
    from dubtool.training.core.extra import require_extra

    def tutors(checkpoint: Path, described: Any, device: str) -> Any:
        require_extra()
        from dubtool.training.adapt.tutor import FineTuner

        return FineTuner(checkpoint, described, vgg=None if vgg is None else Path(vgg), device=device)

    return job(video, minutes, tutors, face=face, model=model or DEFAULT_MODEL, device=device, progress=progress)
