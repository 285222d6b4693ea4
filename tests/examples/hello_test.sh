#!/bin/sh
# hello_test.sh HELLO SOURCE: README's program says hello, and is no longer than README promises.
said=$("$1") || exit 1
echo "$said"
case $said in 'hello from SQLite 3.'*) ;; *) exit 1 ;; esac
[ "$(wc -l <"$2")" -le 25 ]
