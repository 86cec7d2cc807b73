"""The benchmarks of `imchat local`: `python -m bench --help`. What they measure and how: `docs/performance.md`."""
