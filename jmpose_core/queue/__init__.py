"""Which joints are most worth a look: how likely each is wrong, and runs of frames in order of use. No torch."""
