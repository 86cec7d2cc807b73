"""Stacks, change sets and templates."""
