"""The `coronet` command."""
