"""Modes of AES over whole columns: CMAC, SIV and FF1 in batches, and the suites of sealed cells."""
