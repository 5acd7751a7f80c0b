"""A trained HDTR-Net as the two graphs that restore teeth."""

from __future__ import annotations

from dubtool.errors import UsageError
from dubtool.export.hdtr import export_hdtr
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.hdtr.stage import HdtrStage
from dubtool.training.hdtr.trainer import new_restorer


def export(job: ExportJob[HdtrStage]) -> list[ExportedFile]:
    """Write NAME_once.onnx and NAME_frame.onnx.

    Raises:
        UsageError: the stage is one without reference branch or drawing.
    """
    stage = job.stage
    if not (stage.reference and stage.drawing):
        raise UsageError(f"{job.run}: was trained without one of its branches, to be compared and not to be used")
    export_hdtr(
        job.averaged(new_restorer(stage)),
        *job.pair(),
        side=stage.side,
        reach=stage.reach,
        lower_face=stage.lower_face,
        descriptor=job.descriptor(),
    )
    what = "lower faces" if stage.lower_face else "mouths"
    purpose = f"restores teeth, trained here on {what} of {stage.side} px: the"
    return job.pair_files("teeth restoration", purpose, "reference", "mouth")
