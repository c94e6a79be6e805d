"""Fine-tuning on corrected labels, started from the window or by `jmpose train`."""
