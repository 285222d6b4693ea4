#!/bin/sh
# feeds_test.sh FEEDS CLASS...: the tests of these classes
exec python3 -B "$(dirname "$0")/feeds_test.py" "$@"
