"""What runs at the caller: the HTTP client and the `coronet` command."""
