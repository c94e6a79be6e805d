"""Work outside the window's thread: background tasks, frame decoding, the engine, fine-tuning."""
