"""What people can do with accounts: one use case a file."""
