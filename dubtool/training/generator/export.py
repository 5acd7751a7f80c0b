"""A trained generator as the two graphs that dubs run."""

from __future__ import annotations

from dubtool.export.dinet import export_dinet
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import new_generator


def export(job: ExportJob[GeneratorStage]) -> list[ExportedFile]:
    """Write NAME_once.onnx and NAME_frame.onnx."""
    stage = job.stage
    descriptor = job.descriptor(conditioning=stage.conditioning, hidden=list(stage.mask), sharpen=job.sharpen)
    export_dinet(job.averaged(new_generator(stage)), *job.pair(), mouth=stage.mouth, descriptor=descriptor)
    purpose = f"a generator trained here, mouths of {stage.mouth} px: what runs"
    return job.pair_files("generator", purpose, "once per video", "per frame")
