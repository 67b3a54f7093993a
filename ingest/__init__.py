"""From bytes to pages to chunks, with a report of every page that could not be read."""
