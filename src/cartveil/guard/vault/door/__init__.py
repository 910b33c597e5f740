"""What is given out: readings, finds and releases."""
