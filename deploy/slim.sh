#!/bin/sh
# Remove from a Python environment what Tembr never uses; the Dockerfile runs it:
#
#   deploy/slim.sh .venv/lib/python3.11/site-packages
#
# Everything that is imported to serve, to speak, to learn a voice and by the command line stays, and librosa stays whole.
set -eu
cd "$1"

rm -rf pip pip-*                                                           # nothing is installed in an image
rm -rf setuptools setuptools-* pkg_resources _distutils_hack distutils-precedence.pth
rm -rf torch/test torch/include                                            # tests, and what C++ is compiled against
find torch/bin -type f ! -name torch_shm_manager -delete
rm -rf networkx networkx-*                                                 # of PyTorch's compiler; sympy is of its optimisers
rm -f onnxruntime/capi/libonnxruntime.so.*                                 # for C programs: Python has its own
rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools # they prepare networks
rm -f silero_stress/data/accentor-bel.pt silero_stress/data/accentor-ukr.pt
find babel/locale-data -type f ! -name 'root.dat' ! -name 'en*.dat' ! -name 'ru*.dat' -delete
find . -type d -name tests -prune -exec rm -rf {} +

# Bytecode of modules that are seldom imported, if ever: Python reads their source then.
for name in torch/_inductor torch/_export torch/distributed torch/onnx torch/ao scipy/stats sklearn narwhals; do
    find "$name" -type d -name __pycache__ -prune -exec rm -rf {} +
done

# The names of what libraries keep to themselves, for debuggers.  Libraries in *.libs are bent to their place and stay.
find . -name '*.so*' -type f ! -path './*.libs/*' -exec strip --strip-unneeded {} + 2>/dev/null || true
