"""A trained AdaSR as the two graphs that make portraits move."""

from __future__ import annotations

from dubtool.export.adasr import export_adasr
from dubtool.face.portrait_points import KEYPOINTS
from dubtool.training.adasr.stage import AdasrStage
from dubtool.training.adasr.trainer import new_network
from dubtool.training.core.export_job import ExportedFile, ExportJob


def export(job: ExportJob[AdasrStage]) -> list[ExportedFile]:
    """Write NAME_once.onnx and NAME_frame.onnx."""
    net, side = job.averaged(new_network(job.stage)), job.stage.side
    export_adasr(net, *job.pair(), side=side, keypoints=KEYPOINTS, descriptor=job.descriptor())
    purpose = f"makes portraits move, trained here on heads of {side} px: what runs"
    return job.pair_files("reenactment", purpose, "once per portrait", "per frame")
