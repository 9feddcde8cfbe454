"""Accounts: who may sign in, and the events of signing up and signing in."""
