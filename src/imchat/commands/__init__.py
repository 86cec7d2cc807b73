"""The commands of `imchat`: one module per group, and `options.py` for shared options."""
