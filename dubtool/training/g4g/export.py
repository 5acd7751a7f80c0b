"""A trained G4G as the two graphs that dubs run."""

from __future__ import annotations

from dubtool.export.g4g import export_g4g
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.g4g.trainer import hidden_mask, new_g4g


def export(job: ExportJob[G4GStage]) -> list[ExportedFile]:
    """Write NAME_once.onnx and NAME_frame.onnx."""
    stage = job.stage
    net = job.averaged(new_g4g(stage))
    descriptor = job.descriptor(
        conditioning="mel",
        landmarks="rest" if stage.rest_share == 1 else "spoken",
        hidden=list(stage.mask),
        sharpen=job.sharpen,
    )
    export_g4g(net, *job.pair(), mouth=stage.mouth, hidden=hidden_mask(stage), descriptor=descriptor)
    purpose = f"a G4G trained here, mouths of {stage.mouth} px: what runs"
    return job.pair_files("generator", purpose, "once per video", "per frame")
