#!/bin/sh
# The sweep of faults fails each careless program, and says why. A leak shows under AddressSanitizer only.
cd tests/support/faults || exit 1
export FAULTS_PATIENCE_S=2
status=0

# finds PLANT TEXT
finds() {
    output=$("./plant_$1")
    if [ $? -ne 1 ] || ! echo "$output" | grep -q "$2"; then
        echo "$1: expected a failure that says \"$2\", found:"
        echo "$output"
        status=1
    fi
}

finds crash 'malloc 1: '
finds descriptor 'pthread_create 1: a descriptor is left'
finds forbidden 'malloc was promised not to be called'
finds forbidden_here 'eventfd was promised not to be called'
finds hang 'pthread_create 1: hangs'
finds hang 'it hangs on purpose'
finds wrong_code 'pthread_create 1: a promise is broken'
[ "$1" != leaks ] || finds leak 'eventfd 1: memory leaks'
exit $status
