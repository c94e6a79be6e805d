"""The open project and what is looked at: document, edits, navigation, playback. Few widgets know it; it knows none."""
