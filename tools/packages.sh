# Sourced by setup and setup-test: which Debian packages are missing, and how they are installed.
# Works with the package names of Debian 12, Ubuntu 22.04 and Ubuntu 24.04.

# set_missing PACKAGE ...: puts those that are not installed into the array `missing`. `a|b` is b where a is not there.
set_missing() {
  local package alternative found
  missing=()
  local installed
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2> /dev/null | sed -n 's/^installed //p' | tr '\n' ' ')"
  for package in "$@"; do
    found=
    for alternative in ${package//|/ }; do
      [[ $installed == *" $alternative "* ]] && found=yes
    done
    [[ $found ]] || missing+=("$package")
  done
}

# become_root: sets `as_root` to what goes before a command. False: neither root nor sudo is at hand.
become_root() {
  as_root=()
  ((EUID == 0)) && return
  command -v sudo > /dev/null && as_root=(sudo)
}

# Servers that come with a package need not start: tests start their own.
apt_install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends "$@"
}

# Whether a package of this name can be installed. Of a name that only a transitional package has, nothing can.
has_candidate() {
  [[ $(LC_ALL=C apt-cache policy "$1" 2> /dev/null) == *"Candidate: "[!\(]* ]]
}

# choose PACKAGE ...: prints one name for each, the first of its alternatives that can be installed.
choose() {
  local package alternative name
  for package in "$@"; do
    name=${package%%|*}
    for alternative in ${package//|/ }; do
      if has_candidate "$alternative"; then
        name=$alternative
        break
      fi
    done
    echo "$name"
  done
}

# install_all NAME LOG PACKAGE ...: installs them in one go, with fresh lists if the old ones do not do. False: see LOG.
install_all() {
  local name=$1 log=$2
  shift 2
  local chosen
  mapfile -t chosen < <(choose "$@")
  echo "$name: installing ${chosen[*]}"
  apt_install "${chosen[@]}" > "$log" 2>&1 && return
  # The lists of packages may be old, or not there yet.
  "${as_root[@]}" apt-get update -qq > "$log" 2>&1 || return
  mapfile -t chosen < <(choose "$@")
  apt_install "${chosen[@]}" > "$log" 2>&1
}
