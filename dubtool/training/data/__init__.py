"""From videos to the clips that trainings read."""
