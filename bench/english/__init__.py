"""English texts made for the benchmark of personal information, beside the few that a task gives to learn from."""
