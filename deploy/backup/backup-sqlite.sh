#!/bin/sh
# A copy of a data directory under today's date, verified; copies older than 14 days are removed only after that:
#   backup-sqlite.sh <data directory> <directory of the backups>
# The secret key (posthorn.key) is not copied: keep it apart from the data, once.
set -eu
from=${1:?usage: backup-sqlite.sh <data directory> <directory of the backups>}
to=${2:?usage: backup-sqlite.sh <data directory> <directory of the backups>}
mkdir -p "$to"
posthorn backup "$to/$(date -u +%Y-%m-%dT%H%M%SZ)" --data-dir "$from"
find "$to" -mindepth 1 -maxdepth 1 -type d -name '20*Z' -mtime +14 -exec rm -r {} +
