"""The figures papers quote: poseval's AP and MOT, PoseTrack21 pose HOTA, OKS, PCK. No torch, no Qt."""
