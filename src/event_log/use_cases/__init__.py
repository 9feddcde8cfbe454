"""What can be asked of the event log, one file a use case."""
