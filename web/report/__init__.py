"""The cases of a page as one file, HTML or PDF, built in memory from what the page sends."""
