"""What is uploaded: the functions' code, their packages, the web client."""
