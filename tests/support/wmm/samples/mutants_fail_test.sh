#!/bin/sh
# The mutation of orders fails where a survivor has no excuse, and where a source has nothing to mutate.
fail() { echo "$*"; exit 1; }

export WMM_ITERS=300
output=$("$1") && fail "a survivor without a reason passed"
survivor='fetch_add(&counter): RELEASE -> RELAXED: NOT NOTICED'
echo "$output" | grep -q "$survivor" || fail "the survivor is not named"
"$2" && fail "a source without orders passed"
exit 0
