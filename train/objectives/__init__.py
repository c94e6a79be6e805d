"""What networks are trained to: heatmap losses and the information objectives of JM-Pose and its siblings."""
