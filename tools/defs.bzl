"""The rules of this tree. Every compiler flag of qlane stands here; those of a way to build stand in .bazelrc."""

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wundef",
    "-Werror",
]

_C_WARNINGS = [
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
]

C_FLAGS = ["-std=c11", "-D_GNU_SOURCE"] + _WARNINGS + _C_WARNINGS
CXX_FLAGS = ["-std=c++17"] + _WARNINGS

# GLib's headers lie in a folder of their own; they are not ours to warn about.
GLIB_FLAGS = ["-isystem/usr/include/glib-2.0"]

# Only clang knows it: a file may include headers of direct dependencies only.
_FEATURES = ["layering_check"]

_LINKOPTS = ["-pthread"]

# -c opt collects sections that nobody names; a probe (core/trace.h) names the section of its function, and gold, which would collect
# the one, refuses the other.
_LIBRARY_LINKOPTS = _LINKOPTS + ["-Wl,--no-gc-sections"]

def _own_flags():
    """C_FLAGS; in somebody else's workspace, with a compiler that we do not know, a warning is no error."""
    return [flag for flag in C_FLAGS if flag != "-Werror" or native.repository_name() == "@"]

def qlane_library(name, hdrs = [], srcs = [], internal = [], deps = [], internal_deps = [], internal_visibility = [], **kwargs):
    """A room, or a part of one.

    Makes `:NAME`, whose public headers lie in include/ and are included as "qlane/X.h", and `:internal` where `internal`
    is given: the room's private headers, included as "ROOM/X.h", for its own tests and whom it names.

    Args:
      name: the room.
      hdrs: public headers: all under include/, or (in tests, bench) none, and then included as "ROOM/X.h".
      srcs: sources.
      internal: private headers.
      deps: as for cc_library.
      internal_deps: what only the private headers include beyond `:NAME` and deps.
      internal_visibility: packages beside //tests that may include the private headers.
      **kwargs: as for cc_library.
    """
    native.cc_library(
        name = name,
        srcs = srcs + internal,
        hdrs = hdrs,
        strip_include_prefix = "include" if hdrs and hdrs[0].startswith("include/") else None,
        linkstatic = True,
        copts = _own_flags() + kwargs.pop("copts", []),
        features = _FEATURES,
        linkopts = _LIBRARY_LINKOPTS + kwargs.pop("linkopts", []),
        deps = deps + internal_deps,
        **kwargs
    )
    if internal:
        native.cc_library(
            name = "internal",
            hdrs = internal,
            copts = _own_flags(),
            features = _FEATURES,
            visibility = ["//tests:__subpackages__"] + internal_visibility,
            deps = [":" + name] + deps + internal_deps,
        )

def qlane_binary(name, srcs, copts = [], linkopts = [], **kwargs):
    native.cc_binary(
        name = name,
        srcs = srcs,
        copts = _own_flags() + copts,
        features = _FEATURES,
        linkopts = _LINKOPTS + linkopts,
        **kwargs
    )

# Criterion's list of tests is a section that nobody names, too: no test would run.
_TEST_LINKOPTS = ["-Wl,--no-gc-sections"]

def qlane_test(name, srcs, deps = [], copts = [], linkopts = [], size = "small", args = [], **kwargs):
    """A test program whose tests are written with QLT (tests/support/harness.h)."""
    native.cc_test(
        name = name,
        srcs = srcs,
        # One at a time: the harness counts threads, and many tests look at the clock or at cores.
        args = ["-j1"] + args,
        copts = C_FLAGS + copts,
        features = _FEATURES,
        linkopts = _LINKOPTS + _TEST_LINKOPTS + linkopts,
        size = size,
        deps = deps + ["//tests/support:harness"],
        **kwargs
    )

def qlane_plain_test(name, srcs, deps = [], copts = [], linkopts = [], size = "small", **kwargs):
    """A test program with a main() of its own: exit status 0 means passed."""
    native.cc_test(
        name = name,
        srcs = srcs,
        copts = C_FLAGS + copts,
        features = _FEATURES,
        linkopts = _LINKOPTS + linkopts,
        size = size,
        deps = deps,
        **kwargs
    )

def qlane_fuzz(name, srcs, seeds, deps = [], **kwargs):
    """A fuzz target (tests/support/fuzz.h), as two programs.

    `:NAME` is a test, tagged fuzz: every seed, and mutations of them. `:NAME_libfuzzer` searches by coverage, for
    tools/check.d/fuzz.

    Args:
      name: by convention UNIT_fuzz.
      srcs: the source with LLVMFuzzerTestOneInput().
      seeds: files to start from.
      deps: as for cc_test.
      **kwargs: as for cc_test.
    """
    qlane_plain_test(
        name = name,
        srcs = srcs,
        args = ["$(locations %s)" % seed for seed in seeds],
        data = seeds,
        tags = ["fuzz"],
        deps = deps + ["//tests/support:fuzz", "//tests/support:fuzz_main"],
        **kwargs
    )
    qlane_binary(
        name = name + "_libfuzzer",
        testonly = True,
        srcs = srcs,
        args = ["$(locations %s)" % seed for seed in seeds],
        data = seeds,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["libfuzzer", "manual"],
        deps = deps + ["//tests/support:fuzz"],
    )

def qlane_header_tests(library, headers):
    """Each public header compiles alone, twice in one file, in C11 and in C++17.

    Args:
      library: the label whose headers they are.
      headers: as they are included: "qlane/task.h".
    """
    for header in headers:
        stem = header.replace("qlane/", "", 1).replace(".h", "").replace("/", "_")
        for language, suffix, flags in [("c", "c", C_FLAGS), ("cxx", "cc", CXX_FLAGS)]:
            name = "%s_alone_in_%s" % (stem, language)
            source = "%s.%s" % (name, suffix)
            native.genrule(
                name = name + "_source",
                outs = [source],
                cmd = "printf '#include \"%s\"\\n#include \"%s\"\\nint main(void) { return 0; }\\n' > $@" % (header, header),
            )
            native.cc_test(
                name = name,
                srcs = [source],
                copts = flags,
                features = _FEATURES,
                size = "small",
                deps = [library],
            )
