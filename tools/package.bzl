"""What tools/install puts in place, as one archive: headers, static and shared libraries, pkg-config files."""

# What tools/package.sh says itself, and what only Bazel's toolchain needs.
_NOT_FOR_USERS = ["-pthread", "-Wl,--no-gc-sections"]

def _parts(library, seen):
    """The lines for tools/package.sh of what is in `library` and not in `seen`, and the files they name."""
    lines, files = [], []
    for linked in library[CcInfo].linking_context.linker_inputs.to_list():
        if linked.owner in seen:
            continue
        seen[linked.owner] = True
        lines += ["flag " + flag for flag in linked.user_link_flags if flag not in _NOT_FOR_USERS]
        for archive in linked.libraries:
            objects = archive.pic_objects or archive.objects
            lines += ["object " + object.path for object in objects]
            files += objects
    for header in library[CcInfo].compilation_context.headers.to_list():
        if "/include/qlane/" in header.path and "/_virtual_includes/" not in header.path and header.path not in seen:
            seen[header.path] = True
            lines.append("header " + header.path)
            files.append(header)
    return lines, files

def _qlane_package_impl(ctx):
    toolchain = ctx.attr._toolchain[cc_common.CcToolchainInfo]
    lines, files, seen = [], [], {}
    for library in [ctx.attr.library] + ctx.attr.engines:
        more_lines, more_files = _parts(library, seen)
        lines += ["library " + library.label.name] + more_lines
        files += more_files
    parts = ctx.actions.declare_file(ctx.label.name + ".parts")
    archive = ctx.actions.declare_file(ctx.label.name + ".tar")
    ctx.actions.write(parts, "\n".join(lines) + "\n")
    ctx.actions.run(
        executable = ctx.executable._package,
        arguments = [
            parts.path,
            archive.path,
            toolchain.compiler_executable,
            toolchain.ar_executable,
            toolchain.objcopy_executable,
            toolchain.nm_executable,
        ] + ctx.fragments.cpp.linkopts,
        inputs = depset(files + [parts], transitive = [toolchain.all_files]),
        outputs = [archive],
        mnemonic = "QlanePackage",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([archive]), runfiles = ctx.runfiles(files = [archive]))]

qlane_package = rule(
    implementation = _qlane_package_impl,
    doc = "NAME.tar: `library`, and beside it a library for what each engine has more.",
    attrs = {
        "engines": attr.label_list(providers = [CcInfo]),
        "library": attr.label(providers = [CcInfo]),
        "_package": attr.label(
            cfg = "exec",
            default = "//tools:package",
            executable = True,
        ),
        "_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
)
