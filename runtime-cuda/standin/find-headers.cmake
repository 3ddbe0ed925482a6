# Where NVIDIA's headers are, as src/native/cuda/places.ts looks for them: CUDA_INCLUDE, NCCL_INCLUDE.
execute_process(COMMAND python3 -c "import sys; print(';'.join(p + '/nvidia' for p in sys.path if p.endswith('-packages')))"
                OUTPUT_VARIABLE of_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(GLOB of_environments $ENV{VIRTUAL_ENV}/lib/python3*/site-packages/nvidia
     $ENV{XDG_CACHE_HOME}/dreamc/tools/lib/python3*/site-packages/nvidia
     $ENV{HOME}/.cache/dreamc/tools/lib/python3*/site-packages/nvidia)
foreach(folder ${of_environments} ${of_python})
  list(APPEND places ${folder}/cu13 ${folder}/nccl)
endforeach()
if(DEFINED ENV{CUDA_HOME})
  list(PREPEND places $ENV{CUDA_HOME} $ENV{CUDA_HOME}/../nccl)
endif()
list(APPEND places /usr/local/cuda /usr /usr/local)
find_path(CUDA_INCLUDE cublasLt.h PATHS ${places} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_path(NCCL_INCLUDE nccl.h PATHS ${places} PATH_SUFFIXES include NO_DEFAULT_PATH)
