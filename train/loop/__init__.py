"""The training loop and its state: schedule, moving average, checkpoints."""
