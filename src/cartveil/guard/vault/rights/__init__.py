"""What consumers may ask for, and what is done about it: access, correction, restriction, erasure."""
