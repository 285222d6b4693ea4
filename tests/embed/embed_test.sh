#!/bin/sh
# embed_test.sh PACKAGE CLASS
exec python3 -B "$(dirname "$0")/embed_test.py" "$@"
