"""The vocabulary: what an event is, how it travels, and the port to the store that keeps it. No Django in here."""
