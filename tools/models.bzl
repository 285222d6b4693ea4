"""Models: a protocol's scenario, run on the unchanged sources by the checker in tests/support/wmm/."""

load("//tools:defs.bzl", "C_FLAGS")

ModelInfo = provider("What a model consists of.", fields = {
    "spec": "JSON file that tests/support/wmm/model.py reads",
    "files": "all that it names",
    "production": "its sources and the headers of its libraries: what is under test",
})

def _headers(deps):
    """Header files of these libraries, and of what they include."""
    found = depset(transitive = [dep[CcInfo].compilation_context.headers for dep in deps])
    return [header for header in found.to_list() if header.is_source]

def _script(ctx, command, files):
    """An executable that runs in the runfiles; Python compiles nothing into the tree (-B)."""
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(script, "#!/bin/sh\nexec python3 -B %s \"$@\"\n" % command, is_executable = True)
    return DefaultInfo(executable = script, runfiles = ctx.runfiles(transitive_files = files))

def _model_impl(ctx):
    production = ctx.files.sources + _headers(ctx.attr.deps)
    spec = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(spec, struct(
        name = ctx.label.name,
        label = str(ctx.label),
        checker = ctx.file._checker.short_path,
        flags = C_FLAGS,
        copts = ctx.attr.copts,
        scenario = [file.short_path for file in ctx.files.srcs],
        production = [file.short_path for file in production],
        schedules = ctx.attr.schedules,
        must_catch = ctx.attr.must_catch,
        must_fail = ctx.attr.must_fail,
    ).to_json())
    needed = depset(ctx.files.srcs + production + [spec, ctx.file._checker] + ctx.files._runner)
    return [
        _script(ctx, "%s %s" % (ctx.file._model.short_path, spec.short_path), needed),
        ModelInfo(spec = spec, files = needed, production = depset(production)),
    ]

_model_test = rule(
    implementation = _model_impl,
    test = True,
    attrs = {
        "srcs": attr.label_list(allow_files = [".c", ".h"]),
        "sources": attr.label_list(allow_files = [".c", ".h"]),
        "deps": attr.label_list(providers = [CcInfo]),
        "copts": attr.string_list(),
        "schedules": attr.int(default = 3000),
        "must_catch": attr.string_list(),
        "must_fail": attr.string_dict(),
        "_checker": attr.label(default = "//tests/support/wmm:checker", allow_single_file = True),
        "_model": attr.label(default = "//tests/support/wmm:model.py", allow_single_file = True),
        "_runner": attr.label(default = "//tests/support/wmm:runner", allow_files = True),
    },
)

def qlane_model(name, srcs, sources = [], deps = [], copts = [], must_catch = [], must_fail = {}, **kwargs):
    """A test that runs a scenario through 3,000 schedules as is, and as many where no timed wait times out.

    It compiles by itself, with gcc and the checker in a sanitizer's place, whatever --config it runs under.

    Args:
      name: by convention PROTOCOL_model.
      srcs: the scenario with its main(), and stubs for what is left out.
      sources: production sources, unchanged, as labels of files: "//core:deque.c".
      deps: libraries whose headers those include, such as "//core:internal". Nothing of them is linked.
      copts: further flags of the scenario, beyond those of tools/defs.bzl; the sources are compiled without.
      must_catch: tags in the sources, such as "FENCE deque:A" or "ORDER deque:push". For each, the fence or
          order that it marks is taken away, and the scenario must then fail: the test of the test.
      must_fail: macro to text. For each, the scenario compiled with -DMACRO must fail and say TEXT.
      **kwargs: as for any test; `schedules` if not 3,000.
    """
    if "//core:internal" in deps:
        srcs = srcs + ["//tests/models:stubs/unseen.c"]
    _model_test(
        name = name,
        srcs = srcs,
        sources = sources,
        deps = deps,
        copts = copts,
        must_catch = must_catch,
        must_fail = must_fail,
        size = kwargs.pop("size", "medium"),
        tags = kwargs.pop("tags", []) + ["model"],
        **kwargs
    )

def _mutants_impl(ctx):
    infos = [model[ModelInfo] for model in ctx.attr.models]
    mutate = ctx.files.mutate or depset(transitive = [info.production for info in infos]).to_list()
    job = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(job, struct(
        label = str(ctx.label),
        models = [info.spec.short_path for info in infos],
        mutate = sorted([file.short_path for file in mutate]),
        page = ctx.file.page.short_path if ctx.file.page else "",
    ).to_json())
    page = [ctx.file.page] if ctx.file.page else []
    needed = depset(
        [job] + page + mutate + ctx.files._runner,
        transitive = [info.files for info in infos],
    )
    return [_script(ctx, "%s %s" % (ctx.file._mutants.short_path, job.short_path), needed)]

_mutants_test = rule(
    implementation = _mutants_impl,
    test = True,
    attrs = {
        "models": attr.label_list(providers = [ModelInfo]),
        "mutate": attr.label_list(allow_files = [".c", ".h"]),
        "page": attr.label(allow_single_file = [".md"]),
        "_mutants": attr.label(default = "//tests/support/wmm:mutants.py", allow_single_file = True),
        "_runner": attr.label(default = "//tests/support/wmm:runner", allow_files = True),
    },
)

def qlane_model_mutants(name, models = None, mutate = [], page = None, **kwargs):
    """A test that weakens every order and fence of sources, one at a time: some model must notice each.

    It takes minutes where the page's verdicts do not hold any more, so it is `manual`, for tools/check full.

    Args:
      name: by convention PROTOCOL_mutants.
      models: qlane_model targets; those that run a source are asked about its mutants. By default all that the BUILD file has
          above.
      mutate: the sources, as labels of files, whether a model runs them or not; by default all that the models run, headers too.
      page: a .md file that keeps the verdicts; `bazel run :NAME -- --write` brings it up to date.
      **kwargs: as for any test.
    """
    rules = native.existing_rules()
    _mutants_test(
        name = name,
        models = models or sorted([":" + rule for rule in rules if rules[rule]["kind"] == "_model_test"]),
        mutate = mutate,
        page = page,
        size = kwargs.pop("size", "enormous"),
        tags = kwargs.pop("tags", ["manual"]) + ["model", "mutants"],
        **kwargs
    )
