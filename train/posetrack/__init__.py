"""PoseTrack folders as training data, and the paper's training in epochs."""
