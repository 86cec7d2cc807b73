"""Everything that is printed in a terminal, with rich."""
