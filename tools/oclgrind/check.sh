#!/bin/sh
# Runs kernels under Oclgrind, which interprets them and reports data races and accesses outside of a buffer:
#
#     tools/oclgrind/check.sh COMMAND...         for example: tools/oclgrind/check.sh controlnet devices --self-test
#
# The command sees Oclgrind as its only device, opencl:0. Exit code: that of the command, or 1 when anything was
# reported, which is printed. Needs the package oclgrind.
set -u
library=${OCLGRIND_LIBRARY:-/usr/lib/oclgrind/liboclgrind-rt.so}
[ -e "$library" ] || { echo "there is no $library: install oclgrind, or name its library in OCLGRIND_LIBRARY"; exit 2; }
report=$(mktemp)
trap 'rm -f "$report"' EXIT
# Oclgrind counts the local memory of all kernels of a program for each of them; KernelTests holds each to 32 KiB.
CONTROLNET_OPENCL_LIB=$library CONTROLNET_CUDA_LIB=none CONTROLNET_KERNEL_CACHE=none \
    OCLGRIND_LOCAL_MEM_SIZE=65536 OCLGRIND_DATA_RACES=1 OCLGRIND_MAX_ERRORS=20 OCLGRIND_LOG=$report "$@"
status=$?
if [ -s "$report" ]; then
    echo "Oclgrind reports:"
    cat "$report"
    [ "$status" -ne 0 ] || status=1
fi
exit "$status"
