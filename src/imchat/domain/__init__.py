"""The values and rules of a chat. Pure: no I/O, no clock, no randomness."""
