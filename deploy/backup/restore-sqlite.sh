#!/bin/sh
# Puts a copy in the place of a data directory: restore-sqlite.sh <copy> <data directory>, while Posthorn is stopped.
# What was there before is kept beside it.
set -eu
from=${1:?usage: restore-sqlite.sh <copy> <data directory>}
to=${2:?usage: restore-sqlite.sh <copy> <data directory>}
posthorn verify --data-dir "$from"
if [ -e "$to" ]; then
  kept=$to.before-$(date -u +%Y%m%dT%H%M%SZ)
  mv "$to" "$kept"
fi
mkdir -m 0700 "$to"
umask 077
cp "$from/posthorn.db" "$to/posthorn.db"
# The key stays where it was, unless it is in POSTHORN_SECRET_KEY.
[ ! -e "${kept:-}/posthorn.key" ] || cp "$kept/posthorn.key" "$to/posthorn.key"
posthorn verify --data-dir "$to"
echo "restored; start Posthorn. What was acknowledged after the copy was made is not in it: compare with your publishers."
