"""What all trainings share: runs, trainer, schedules, losses, settings and export."""
