"""AWS Lambda handlers; `imchat local` calls the same functions."""
