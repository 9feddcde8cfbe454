"""What people write today, each faithful to its kind and in the best reasonable form of it.

Common to all: a queue table with the outbox's own columns (a key that counts up, the payload as text, so that nobody
parses or renders JSON), and a table in ClickHouse of event_log's shape. The client is clickhouse-driver: it is written
in C where it counts, is synchronous as the ORM is, and is not compressed, which on one machine is the faster way.
"""
