"""Weights files: safetensors that describe themselves, and files that share a base."""
