#!/bin/sh
# Dumps Posthorn's schema: backup-postgresql.sh <database URL> <file>. For no loss at all use a synchronous standby, or archive the log
# continuously (pg_basebackup and archive_command) and restore to a moment: a dump holds what was committed when it began.
set -eu
url=${1:?usage: backup-postgresql.sh <database URL> <file>}
to=${2:?usage: backup-postgresql.sh <database URL> <file>}
umask 077
pg_dump --dbname "$url" --schema posthorn --format custom --file "$to"
posthorn verify --database-url "$url"
