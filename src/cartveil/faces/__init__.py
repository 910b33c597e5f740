"""What people touch: the command line, the reports, and the room where both wings meet."""
