"""What the model sees of the selected person: crop, heatmaps, flow, and the table of joints."""
