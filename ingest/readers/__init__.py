"""One reader per document format."""
