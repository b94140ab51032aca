"""Where films are: one file per kind of source, and one way to read a film's bytes again by its row of the manifest."""
