"""Fine-tuning on one person."""
