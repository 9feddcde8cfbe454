"""The journey of an event: recorded with the business change, sealed into a batch, delivered once, verified."""
