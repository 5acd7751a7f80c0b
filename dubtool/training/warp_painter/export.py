"""A trained painter over deformed references as a graph."""

from __future__ import annotations

from dubtool.export.warp_painter import export_warp_painter
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.warp_painter.stage import WarpPainterStage
from dubtool.training.warp_painter.trainer import new_warp_painter

_FILE = "warp_painter.onnx"


def export(job: ExportJob[WarpPainterStage]) -> list[ExportedFile]:
    """Write warp_painter.onnx."""
    net, side = job.averaged(new_warp_painter(job.stage)), job.stage.side
    export_warp_painter(net, job.folder / _FILE, side=side, descriptor=job.descriptor())
    return [ExportedFile(_FILE, "painter", f"paints over deformed references, trained here on mouths of {side} px")]
