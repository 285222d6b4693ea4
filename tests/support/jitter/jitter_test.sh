#!/bin/sh
# Under jitter a correct program goes on, and a lost wake-up shows.
set -eu
cd tests/support/jitter
flags="-std=c11 -D_GNU_SOURCE -O1 -g"

# build NAME FLAGS...
build() {
    name=$1
    shift
    gcc $flags -fsanitize=thread "$@" -c lost_wakeup.c -o "$TEST_TMPDIR/$name.o"
    gcc "$TEST_TMPDIR/$name.o" "$TEST_TMPDIR/jitter.o" -pthread -o "$TEST_TMPDIR/$name"
}

gcc $flags -c jitter.c -o "$TEST_TMPDIR/jitter.o"
build right
build wrong -DPLANT_NO_RECHECK
"$TEST_TMPDIR/right" 2
if "$TEST_TMPDIR/wrong" 30; then
    echo "the planted lost wake-up did not show"
    exit 1
fi
