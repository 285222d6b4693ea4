#!/bin/sh
# hardened_test.sh PROGRAM [fortified]: it is built as docs/threats.md says.
program=$1
status=0

# has WHAT PATTERN COMMAND...: the command's output has the pattern.
has() {
    what=$1 pattern=$2
    shift 2
    "$@" "$program" | grep -qE "$pattern" || { echo "$program: $what"; status=1; }
}

has 'its address is fixed' 'Type: +DYN' readelf -hW
has 'its tables stay writable' 'GNU_RELRO' readelf -lW
has 'its functions are found late' '\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*NOW' readelf -dW
has 'its stack can be run' 'GNU_STACK.* RW +0x' readelf -lW
has 'its stack is not guarded' '__stack_chk_fail' readelf -W --dyn-syms
[ "${2:-}" != fortified ] || has 'its copies are not checked' '__[a-z]*printf_chk' readelf -W --dyn-syms
exit $status
