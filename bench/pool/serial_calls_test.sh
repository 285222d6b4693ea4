#!/bin/sh
# The reference costs a real call for each node: in the program's assembly each recursive function calls itself as often as
# its source does, and the compiler has made no parts or clones of it.
set -u
code=$(objdump --disassemble --no-show-raw-insn "$1") || exit 1
status=0

# calls FUNCTION HOW_OFTEN
calls() {
    found=$(printf '%s\n' "$code" | awk -v name="<$1>" '
        /^[0-9a-f]+ <.*>:$/ { inside = $2 == name ":" }
        inside && /call/ && $NF == name { n++ }
        END { print n + 0 }')
    if [ "$found" != "$2" ]; then
        echo "$1 calls itself $found times, expected $2"
        status=1
    fi
    if printf '%s\n' "$code" | grep -E "^[0-9a-f]+ <$1\.(part|constprop|isra|cold)"; then
        echo "$1 was taken apart"
        status=1
    fi
}

calls fib 2
calls queens 1
calls subtree 1
calls sum_of 2
exit $status
