"""What several jobs share: options, timeline, frame plan and stream, outputs, report and workers."""
