"""The names Bazel's own BUILD files load from rules_proto, as the rules built into Bazel."""

# ProtoInfo is not under `native`: it is a global of every .bzl file, so it is given a name that can be loaded.
_ProtoInfo = ProtoInfo
ProtoInfo = _ProtoInfo
proto_lang_toolchain = native.proto_lang_toolchain
proto_library = native.proto_library
