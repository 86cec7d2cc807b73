"""What a chat is: pure values and rules. No I/O, no clock, no randomness."""
