# curl: http and https, bodies of every kind, connections that are kept.
source "$(dirname "$0")/tap.sh"
port=$1 cert=$2
http=http://127.0.0.1:$((port + 1)) https=https://localhost:$((port + 2))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
get() { curl -sS --max-time 20 --cacert "$cert" "$@" 2>&1; }
sum() { md5sum | cut -d' ' -f1; }
head -c 3000000 /dev/urandom > "$work/data"

for url in "$http" "$https"; do
  kind=${url%%:*}
  same "$kind: method, path, query, fields" "$(get -H "x-test: yes" "$url/what?a=b")" \
    "$(printf 'GET\n/what\na=b\n%s\nyes' "${url#*//}")"
  same "$kind: 404" "$(get -o /dev/null -w '%{http_code}' "$url/none")" 404
  same "$kind: a posted form" "$(get -d 'a=1&b=2' "$url/echo")" "a=1&b=2"
  # curl asks before it sends a large body
  same "$kind: 3 MB up and down, with Expect: 100-continue" \
    "$(get -H 'Expect: 100-continue' --data-binary @"$work/data" "$url/echo" | sum)" "$(sum < "$work/data")"
  same "$kind: curl does not wait for the answer to its question" \
    "$(get -o /dev/null -w '%{time_total}' -H 'Expect: 100-continue' --data-binary @"$work/data" "$url/length" \
      | awk '{print ($1 < 0.9) ? "quick" : "slow: " $1}')" quick
  same "$kind: 3 MB in chunks" \
    "$(get -H 'Transfer-Encoding: chunked' --data-binary @"$work/data" "$url/echo" | sum)" "$(sum < "$work/data")"
  same "$kind: too large a body" "$(head -c 9000000 /dev/zero | get -o /dev/null -w '%{http_code}' -H 'Expect:' \
    -H 'Transfer-Encoding: chunked' -T - "$url/length" | tail -c 3)" 413
  same "$kind: chunks from the server" "$(get "$url/chunks" | wc -c)" 40000
  same "$kind: 5 MB from the server" "$(get "$url/big" | sum)" "$(for i in {1..500000}; do printf 0123456789; done | sum)"
  same "$kind: five requests over one connection" \
    "$(get -w '%{num_connects} ' -o /dev/null "$url/what" -o /dev/null "$url/chunks" -o /dev/null "$url/none" \
      -o /dev/null "$url/big" -o /dev/null "$url/what")" "1 0 0 0 0 "
  same "$kind: connection: close" "$(get -H 'Connection: close' -w '%{num_connects} ' -o /dev/null "$url/what" \
    -o /dev/null "$url/what")" "1 1 "
  same "$kind: HTTP/1.0" "$(get --http1.0 -H 'Connection: close' "$url/echo" -d x)" x
  same "$kind: HEAD of nothing ends" "$(get -I --max-time 5 -o /dev/null -w '%{http_code}' -H 'Connection: close' "$url/none")" 404
done
like "https: a certificate that curl does not know" "$(curl -sS "$https/what" 2>&1)" "certificate"
for version in 1.2 1.3; do
  same "https: TLS $version only" "$(get --tlsv$version --tls-max $version "$https/echo" -d x)" x
done
