"""The accounts' resources: one small view each, a door that calls one use case."""
