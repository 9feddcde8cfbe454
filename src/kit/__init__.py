"""The few things every room shares: the domain error, the span, the use case base, the view base. The list is closed."""
