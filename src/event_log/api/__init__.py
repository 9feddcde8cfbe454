"""The event log's HTTP side: views are doors that call one use case."""
