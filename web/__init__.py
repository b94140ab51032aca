"""`coronet web`: a page in the browser, and the small server that stands between it and TorchServe."""
