"""What every room shares: the domain error, the span, the bases of use cases and API views. The list is closed."""
