"""The networks, one file per box of the paper's Figure 1."""
