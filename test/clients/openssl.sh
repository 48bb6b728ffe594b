# openssl s_client: handshakes, records, ends of sessions.
source "$(dirname "$0")/tap.sh"
port=$(($1 + 2)) cert=$2
client() { timeout 20 openssl s_client -connect 127.0.0.1:$port -servername localhost -CAfile "$cert" "$@" 2>&1; }
request() { printf 'GET /what HTTP/1.1\r\nhost: me\r\nconnection: close\r\n\r\n'; }

for version in tls1_2 tls1_3; do
  answer=$(request | client -$version -ign_eof -quiet -verify_return_error)
  like "$version: a request is answered" "$answer" "HTTP/1.1 200 OK"
  like "$version: the body is whole" "$answer" "/what"
done
like "the certificate is the right one" "$(request | client -ign_eof)" "Verify return code: 0 (ok)"
like "the session ends as TLS wants it" "$(request | client -ign_eof -state)" "SSL3 alert read:warning:close notify"
like "TLS 1.1 is refused" "$(request | client -tls1_1 -ign_eof)" "alert"
# K at the start of a line makes s_client renew its key, and ask the server to do so, too.
like "a renewed key is no trouble" "$({ sleep 0.2; echo K; sleep 0.2; request; sleep 1; } | client -tls1_3)" "HTTP/1.1 200 OK"

# The https server and the native gate: a suite without forward secrecy (RSA key exchange) is refused, one with it is not.
for at in 2 7; do
  suite() { echo | timeout 20 openssl s_client -connect 127.0.0.1:$(($1 + at)) -tls1_2 -cipher "$2" 2>&1; }
  like "+$at: a suite without forward secrecy is refused" "$(suite "$1" AES256-GCM-SHA384)" "handshake failure"
  like "+$at: a suite with it is agreed on" "$(suite "$1" ECDHE-RSA-AES256-GCM-SHA384)" "Cipher is ECDHE-RSA-AES256-GCM-SHA384"
done
