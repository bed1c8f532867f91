#!/usr/bin/env bash
# Runs once, when the database is made: the account that pgveil logs in with. It may read, and owns nothing.
set -euo pipefail

psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set=ON_ERROR_STOP=1 \
     --set=password="$PGVEIL_UPSTREAM_PASSWORD" <<'SQL'
CREATE ROLE pgveil LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
GRANT USAGE ON SCHEMA clinic, sales, reference TO pgveil;
GRANT SELECT ON ALL TABLES IN SCHEMA clinic, sales, reference TO pgveil;
GRANT INSERT, UPDATE, DELETE ON clinic.encounters TO pgveil;
GRANT USAGE ON SEQUENCE clinic.encounter_id_seq TO pgveil;
SQL
