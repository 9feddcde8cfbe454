-- Note that a migration has been applied.
INSERT INTO ${migrations_table} (name, checksum) VALUES
