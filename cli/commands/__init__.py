"""The subcommands of `coronet`, one module each: `add_arguments(parser)` and `run(args)`."""
