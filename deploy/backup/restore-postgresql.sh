#!/bin/sh
# Restores a dump into an empty database: restore-postgresql.sh <file> <database URL>, while no node is connected to it.
set -eu
from=${1:?usage: restore-postgresql.sh <file> <database URL>}
url=${2:?usage: restore-postgresql.sh <file> <database URL>}
pg_restore --dbname "$url" --exit-on-error --no-owner "$from"
posthorn verify --database-url "$url"
