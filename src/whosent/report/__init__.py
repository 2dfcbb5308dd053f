"""A report becomes text, HTML or a folder of evidence; nothing here knows where it came from."""
