"""The few things every room shares: the domain error, the span, the use case base. The list is closed."""
