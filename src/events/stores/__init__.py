"""Adapters of the event store port, one module or package a store."""
