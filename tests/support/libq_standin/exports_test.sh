#!/bin/sh
# The library exports what q_api.h lists, and beside it only what tests may ask.
#     exports_test.sh LIBRARY HEADER
set -eu
listed=$(sed -n 's/^ *X([^,]*, \([A-Za-z0-9]*\), (.*/\1/p' "$2" | sort)
# Names of the linker and of sanitizers begin with an underscore; gcov brings mangle_path.
exported=$(nm -D --defined-only "$1" | awk '{ print $3 }' | grep -v -e '^_' -e '^libq_standin_' -e '^mangle_path$' | sort)
[ "$(echo "$listed" | wc -l)" -eq 49 ] || { echo "q_api.h lists: $listed"; exit 1; }
[ "$listed" = "$exported" ] || { echo "listed: $listed"; echo "exported: $exported"; exit 1; }
