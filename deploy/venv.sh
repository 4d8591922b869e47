#!/usr/bin/env bash
# The virtual environment that deploy/try, tests/run and an installed service share.
#
#   deploy/venv.sh       makes or renews .venv, with the command .venv/bin/digestd
#   venv_install LOCK    the same for a script that sources this file: makes .venv unless it is
#                        there, and installs the packages of deploy/LOCK.txt and the command
#
# Each lock has its own stamp, so a second start costs milliseconds and a changed lock is
# installed again. digestd itself is a path entry: nothing is built, so every byte that is
# installed has its hash in the lock.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$repo/.venv
me=$(basename "$(dirname "$(readlink -f "$0")")")/${0##*/}
# The command that becomes the user who will run .venv, if it is not the one who makes it.
[[ -v as_user ]] || as_user=()
is_debian() { command -v apt-get >/dev/null; }
is_root() { [[ $(id -u) -eq 0 ]]; }
say() { printf '%s: %s\n' "$me" "$*" >&2; }
die() {
    say "$@"
    exit 1
}

venv_install() {
    local lock=$1 guard
    if venv_is_current "$lock"; then return; fi
    [[ -w $repo && (! -e $venv || -w $venv) ]] || die "cannot write to $repo: run this as its owner, or copy it to a place of your own"
    exec {guard}<"$repo/deploy/venv.sh"
    if ! flock --nonblock "$guard"; then
        say "another set-up is at work here, waiting for it"
        flock "$guard"
    fi
    if ! venv_is_current "$lock"; then
        venv_is_sound || venv_make
        venv_fill "$lock"
    fi
    exec {guard}<&-
}

# What the stamp must say: the lock, the Python and the place it was installed for.
venv_stamp() {
    sha256sum <"$repo/deploy/$1.txt"
    "${as_user[@]}" "$venv/bin/python" -c 'import sys; print(sys.version)'
    printf '%s\n' "$repo"
}

venv_is_current() {
    [[ -x $venv/bin/python && -x $venv/bin/digestd && -r $venv/.stamp-$1 ]] &&
        [[ $(venv_stamp "$1" 2>/dev/null) == "$(<"$venv/.stamp-$1")" ]]
}

# A Python that is new enough and can install, in the place where it was made.
venv_is_sound() {
    [[ -x $venv/bin/python ]] && fits "$venv/bin/python" || return 1
    [[ ! -r $venv/.home || $(<"$venv/.home") == "$repo" ]] || return 1
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 ||
        "$venv/bin/python" -m ensurepip >/dev/null 2>&1
}

venv_make() {
    local python said
    python=$(find_python 'import venv; from ensurepip import bootstrap') || {
        python=$(find_python '') ||
            die "needs Python 3.11 or newer, and found none: install it (Debian: apt-get install python3 python3-venv)"
        install_venv_module "$python"
        python=$(find_python 'import venv; from ensurepip import bootstrap') ||
            die "$python has no venv module, although python3-venv is installed: put Debian's python3 first in PATH"
    }
    say "making .venv with $("$python" --version) of $python"
    rm -rf -- "$venv"
    trap 'rm -rf -- "$venv"' EXIT
    said=$("$python" -m venv "$venv" 2>&1) || die "$python could not make .venv: ${said##*$'\n'}"
    trap - EXIT
}

install_venv_module() {
    is_debian || die "Python's venv module is missing: install it for $1, then run this again"
    is_root || die "Python's venv module is missing: run 'sudo apt-get install python3-venv', then this again"
    say "installing Debian's python3-venv"
    apt_install python3-venv ||
        die "apt-get could not install python3-venv: run 'apt-get install python3-venv' to see why, then this again"
}

# The first Python that is new enough and can run the statement $1.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        candidate=$(command -v "$candidate") || continue
        if fits "$candidate" "$1"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

fits() { "${as_user[@]}" "$1" -c "import sys; assert sys.version_info >= (3, 11); ${2-}" >/dev/null 2>&1; }

venv_fill() {
    local lock=$1 log=$venv/install.log count
    count=$(grep -c '^[a-z0-9]' "$repo/deploy/$lock.txt")
    say "installing the $count packages of deploy/$lock.txt, which takes a minute or two"
    rm -f -- "$venv/.stamp-$lock"
    printf '%s\n' "$repo" >"$venv/.home"
    uv_install "$lock" >"$log" 2>&1 || pip_install "$lock" >"$log" 2>&1 || die "$(why_pip_failed "$log")"
    venv_link
    venv_compile
    venv_stamp "$lock" >"$venv/.stamp-$lock"
}

# uv downloads and compiles side by side, in a third of the time. Where there is none, pip fetches it.
uv_install() {
    local uv index=()
    uv=$(command -v uv) || {
        pip_install requirements-uv || return
        uv=$venv/bin/uv
    }
    if [[ -n ${PIP_INDEX_URL-} ]]; then index=(--default-index "$PIP_INDEX_URL"); fi
    "$uv" pip install --python "$venv/bin/python" --require-hashes --only-binary :all: --no-deps \
        --compile-bytecode --no-progress "${index[@]}" --requirement "$repo/deploy/$1.txt"
}

# pip knows the machine's own settings (an index, certificates, a proxy), so it has the last word.
pip_install() {
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 \
        "$venv/bin/python" -m pip install --require-hashes --only-binary :all: --no-deps \
        --progress-bar off --retries 3 --requirement "$repo/deploy/$1.txt"
}

why_pip_failed() {
    if grep -qE 'from versions: none|Retrying|ConnectionError|Max retries' "$1"; then
        printf 'cannot reach the Python package index: check the network, or point PIP_INDEX_URL at a mirror, then run this again (details: %s)' "$1"
    elif grep -q 'No space left' "$1"; then
        printf 'the disk is full: .venv needs about 750 MB (details: %s)' "$1"
    else
        printf 'pip failed: %s (details: %s)' "$(grep -m1 '^ *ERROR' "$1" || tail -n 1 "$1")" "$1"
    fi
}

# Lets .venv import this checkout, and puts the command beside its Python. The first lines are
# how pip writes a script whose interpreter has a long path or one with spaces.
venv_link() {
    local site
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$repo" >"$site/digestd.pth"
    cat >"$venv/bin/digestd.new" <<SCRIPT
#!/bin/sh
'''exec' "$venv/bin/python" "\$0" "\$@"
' '''
import sys
from digestd.cli import main
if __name__ == "__main__":
    sys.exit(main())
SCRIPT
    chmod +x "$venv/bin/digestd.new"
    mv -- "$venv/bin/digestd.new" "$venv/bin/digestd"
}

# Compiles digestd to bytecode now: the packages have been compiled, and a service that may not
# write here would compile digestd at every start, which takes as long as the start itself.
venv_compile() {
    "$venv/bin/python" -m compileall -q -j 0 "$repo/digestd" ||
        say "could not compile digestd to bytecode, so commands start more slowly"
}

# Debian packages, quietly, no service started. A guard that the machine has already is kept.
apt_install() (
    export DEBIAN_FRONTEND=noninteractive
    guard=/usr/sbin/policy-rc.d
    if [[ ! -e $guard ]]; then
        trap 'rm -f -- "$guard"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod +x "$guard"
    fi
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1
)

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    venv_install requirements
fi
