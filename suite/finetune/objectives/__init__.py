"""Fine-tuning objectives, one file each."""
