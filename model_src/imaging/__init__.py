"""The one way from image file bytes to pixels and to the network's tensor."""
