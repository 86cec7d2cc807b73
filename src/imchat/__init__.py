"""imchat: a complete chat application for AWS or for one machine, as a library."""

__version__ = "0.1.0"
