-- Runs once, on an empty volume, as the superuser: who may do what in the database `app`.
-- app_owner owns the tables and changes them (migrate); app works with them (web, worker, beat) and cannot change them;
-- app_reader reads the outbox. What the latter two may do is granted by `manage.py install --app-role app
-- --reader-role app_reader`, see src/core/roles.py.
\set ON_ERROR_STOP on
\set owner_password `cat "${SECRETS:-/run/secrets}/postgres_owner_password"`
\set app_password `cat "${SECRETS:-/run/secrets}/postgres_app_password"`
\set reader_password `cat "${SECRETS:-/run/secrets}/postgres_reader_password"`

CREATE ROLE app_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE app LOGIN PASSWORD :'app_password';
CREATE ROLE app_reader LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 10;

ALTER DATABASE app OWNER TO app_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE app FROM PUBLIC;
GRANT CONNECT ON DATABASE app TO app, app_reader;

-- A request that waits for a lock gives up by itself; what a person has left open must not hold up vacuum for ever.
ALTER ROLE app SET idle_in_transaction_session_timeout = '5min';
ALTER ROLE app_reader SET default_transaction_read_only = on;
ALTER ROLE app_reader SET statement_timeout = '30s';
ALTER ROLE app_reader SET idle_in_transaction_session_timeout = '1min';
