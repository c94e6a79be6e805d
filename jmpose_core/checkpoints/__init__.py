"""Public checkpoints of other programs: where they are, what their tensors are called, and how they become ours."""
