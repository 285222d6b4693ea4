#!/bin/sh
# package.sh PARTS ARCHIVE CC AR OBJCOPY NM [LINK FLAG...]: makes ARCHIVE, what tools/install unpacks.
#
# PARTS names the libraries, the first of which the others need, and after each what belongs to it (tools/package.bzl):
#   library NAME | object FILE | header FILE | flag -lNAME
set -eu
parts=$1 archive=$2 cc=$3 ar=$4 objcopy=$5 nm=$6
shift 6
tree=$archive.tree
rm -rf "$tree"
mkdir -p "$tree/include" "$tree/lib/pkgconfig"

words() { # words LIBRARY KIND
    awk -v library="$1" -v kind="$2" '$1 == "library" { here = $2 == library } here && $1 == kind { print $2 }' "$parts"
}

awk '$1 == "header" { print $2 }' "$parts" | while read -r header; do
    install -D -m 644 "$header" "$tree/include/${header##*/include/}"
done
version=$(sed -n 's/^#define QL_VERSION "\(.*\)"$/\1/p' "$tree/include/qlane/version.h")
abi=${version%.*}

pkg_config() { # pkg_config LIBRARY REQUIRES FLAGS STATIC
    cat <<END
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include
static=$4

Name: $1
Description: a task runtime with pinned lanes
Version: $version
Requires: $2
Cflags: -I\${includedir}
Libs: -L\${libdir} -l$1
Libs.private: $3
END
}

libraries=$(awk '$1 == "library" { print $2 }' "$parts")
for library in $libraries; do
    # shellcheck disable=SC2046 # a list of words
    "$cc" -r -nostdlib -o "$tree/$library.o" $(words "$library" object)
done

# What an engine of ours needs beside the public names is exported as private to this very version: the loader names
# qlane_private_VERSION where the two are not of one build.
for library in $libraries; do
    "$nm" --undefined-only "$tree/$library.o"
done | awk '$2 ~ /^qli_/ { print $2, "ql_private_" substr($2, 5) }' | sort -u >"$tree/privates"
private=
[ ! -s "$tree/privates" ] || private="qlane_private_$version { global: $(awk '{ printf "%s; ", $2 }' "$tree/privates")};"

first=
for library in $libraries; do
    flags="$(words "$library" flag | tr '\n' ' ')-pthread"
    lib=$tree/lib/lib$library
    # One object, and names that are not public hidden in it: nothing of ours meets a name of the program's.
    "$objcopy" --redefine-syms="$tree/privates" "$tree/$library.o"
    "$objcopy" --wildcard --keep-global-symbol='ql_*' "$tree/$library.o"
    "$ar" rcsD "$lib.a" "$tree/$library.o"
    printf '%s_%s { global: ql_*; local: *; };\n%s\n' "$library" "$abi" "$private" >"$tree/names"
    # nodelete: threads may be in it. Bsymbolic: it calls itself, whatever else the process has of that name.
    # shellcheck disable=SC2086,SC2016 # lists of words; $ORIGIN is the loader's
    "$cc" -shared -o "$lib.so.$version" "$tree/$library.o" -Wl,-soname,"lib$library.so.$abi" \
        -Wl,--version-script="$tree/names" -Wl,-z,nodelete,-z,now -Wl,-Bsymbolic -Wl,-rpath,'$ORIGIN' \
        -L"$tree/lib" ${first:+-l$first} $flags "$@"
    ln -s "lib$library.so.$version" "$lib.so.$abi"
    ln -s "lib$library.so.$abi" "$lib.so"
    static="\${libdir}/lib$library.a ${first:+$first_static }$flags"
    pkg_config "$library" "${first:+$first = $version}" "$flags" "$static" >"$tree/lib/pkgconfig/$library.pc"
    [ -n "$first" ] || first=$library first_static=$static private=
done
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$archive" -C "$tree" include lib
rm -r "$tree"
