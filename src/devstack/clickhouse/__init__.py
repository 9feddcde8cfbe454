"""ClickHouse's engine (chDB, in-process) behind the native TCP protocol, on loopback: for development and tests.

`python -m devstack.clickhouse --data DIR --port N` serves one data folder; docs/devstack-clickhouse.md says what it
speaks and where it differs from a real server.
"""
