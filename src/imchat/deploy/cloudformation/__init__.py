"""Templates, stacks and change sets."""
