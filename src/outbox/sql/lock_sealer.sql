-- Become the one sealer until the transaction ends. A statement of its own: the next one's snapshot must be younger than the lock.
SELECT
    pg_try_advisory_xact_lock(%(key)s) AS locked,
    -- Planned by statistics that lag behind, the sealing statement might scan the whole outbox; compiled, it would cost more than it does.
    set_config('enable_seqscan', 'off', true),
    set_config('jit', 'off', true),
    -- A million rows are sorted in memory.
    set_config('work_mem', '64MB', true),
    -- Nothing may be sent that a crash of the database could unseal.
    set_config(
        'synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
        true
    )
