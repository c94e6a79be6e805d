"""JM-Pose Studio's core: people, videos, projects, formats and the pose models. No Qt."""
