"""What is worth a look: the queue of likely errors."""
