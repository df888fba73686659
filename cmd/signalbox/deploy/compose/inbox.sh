#!/bin/sh
# The image of PostgreSQL runs it once, when its volume is new: it makes the role and the database of the inbox.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/inbox_password)" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE signalbox LOGIN PASSWORD :'password';
CREATE DATABASE signalbox OWNER signalbox;
SQL
