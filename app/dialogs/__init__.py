"""Dialogs: export, import, fine-tuning, pose network, tracks."""
