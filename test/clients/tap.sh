# Sourced by the shell clients: one line a test.

# same NAME GOT WANT
same() {
  if [[ $2 == "$3" ]]; then
    echo "ok - $1"
  else
    printf 'not ok - %s\n# got:  %s\n# want: %s\n' "$1" "${2:0:300}" "${3:0:300}"
  fi
}

# like NAME GOT PART: GOT contains PART
like() {
  if [[ $2 == *"$3"* ]]; then
    echo "ok - $1"
  else
    printf 'not ok - %s\n# got:         %s\n# wants a part: %s\n' "$1" "${2:0:300}" "$3"
  fi
}
