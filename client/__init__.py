"""What runs at the caller: the HTTP client, without torch."""
