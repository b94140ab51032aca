"""`coronet serve --front ray`: the process between HTTP and Ray Serve's workers."""
