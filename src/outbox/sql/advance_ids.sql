-- Have new ids begin after every id that was ever sealed (logical replication does not carry sequences over).
SELECT setval(
    pg_get_serial_sequence('outbox_event', 'id'),
    greatest(
        (SELECT last_value FROM outbox_event_id_seq),
        (SELECT max(id) FROM outbox_event),
        %(next_id)s
    )
)
