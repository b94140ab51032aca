#!/bin/sh
# triton-module.sh ENVIRONMENT: compiles the one C module that Triton would compile at its first kernel on a GPU.
# Where the image runs there is no compiler; triton-cc hands the module over.
set -eu
package=$(ls -d "$1"/lib/python3*/site-packages/triton/backends/nvidia)
mkdir -p "$1/libexec"
# libcuda comes with the driver of the machine that runs the image. Here its name is enough to link against.
stub=$(mktemp -d)
gcc -shared -Wl,-soname,libcuda.so.1 -o "$stub/libcuda.so.1" -x c /dev/null
# shellcheck disable=SC2046 # several words
gcc "$package/driver.c" -O3 -shared -fPIC -Wno-psabi -o "$1/libexec/cuda_utils.so" \
  -I"$package/include" $(python3-config --includes) -L"$stub" -Wl,--no-as-needed -l:libcuda.so.1
cp "$package/driver.c" "$1/libexec/driver.c"
install --mode 0755 "$(dirname "$0")/triton-cc" "$1/libexec/triton-cc"
rm -r "$stub"
