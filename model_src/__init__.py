"""The networks of CoroNet, one file per box of the paper's Figure 1, and the one way from image bytes to tensor."""
