"""A rules_cc that is not qlane's: that of the workspace in which tools/check.d/embed builds a service."""

def cc_binary(name, **kwargs):
    native.cc_binary(name = name, linkstatic = True, **kwargs)

cc_library = native.cc_library
cc_proto_library = native.cc_proto_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
objc_library = native.objc_library
