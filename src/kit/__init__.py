"""What every room shares: the domain error, span and measure, the bases of use cases and API views; a closed list."""
