#!/bin/sh
# The test of the test: what must make a test fail does, and says why.
#   harness_fails_test.sh BROKEN_TEST [leaks]
set -u
broken=$1
leaks=${2:-}
failed=0
said=$TEST_TMPDIR/said

# must_fail PROMISE TEXT: the test fails, and says TEXT.
must_fail() {
    if QLT_PATIENCE_S=1 "$broken" -j1 --filter "broken/$1" >"$said" 2>&1; then
        echo "broken/$1 passed, and must fail"
    elif ! grep -qF -- "$2" "$said"; then
        echo "broken/$1 failed without saying: $2"
        cat "$said"
    else
        return
    fi
    failed=1
}

must_fail check 'not true: 1 > 2'
must_fail eq_int '-1 is -1, expected 1'
must_fail eq_uint 'is 18446744073709551615, expected 0'
must_fail eq_ptr 'expected 0x'
must_fail eq_str '"found" is "found", expected "other"'
must_fail eq_str_null 'is "(null)", expected "other"'
must_fail has_str 'expected it to contain "needle"'
must_fail other_thread 'on a thread of its own'
must_fail gate 'waited 1 s for step 2 of a gate that stands at 1'
must_fail thread_left 'ends with 1 more threads than it began with'
must_fail descriptor_left 'ends with 1 more open descriptors than it began with'
must_fail does_not_die 'expected an abort saying'
must_fail dies_without_the_sentence 'expected it to contain "the sentence"'
[ -z "$leaks" ] || must_fail memory_left 'ends with a memory leak'
QLANE_SEED=12monkeys must_fail seed 'QLANE_SEED=12monkeys is not a number'

if ! QLANE_SEED=42 "$broken" --filter broken/seed 2>&1 | grep -qF 'QLANE_SEED=42 replays this'; then
    echo 'QLANE_SEED=42 is not replayed'
    failed=1
fi
exit $failed
