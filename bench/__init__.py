"""Benchmarks of `imchat local`: `python -m bench --help`. `docs/performance.md` describes what they measure."""
