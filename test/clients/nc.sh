# nc: lines through the raw echo, and the debug console.
source "$(dirname "$0")/tap.sh"
port=$1

same "a line comes back" "$(echo hello | nc -N 127.0.0.1 "$port")" hello

sum() { md5sum | cut -d' ' -f1; }
data=$(mktemp)
trap 'rm -f "$data"' EXIT
head -c 3000000 /dev/urandom > "$data"
same "3 MB come back as they went" "$(nc -N 127.0.0.1 "$port" < "$data" | sum)" "$(sum < "$data")"

# pipelined commands, the way redis-cli --pipe sends them
pipelined=$(for i in {1..2000}; do printf '*1\r\n$4\r\nPING\r\n'; done)
same "2000 pipelined commands come back in order" "$(nc -N 127.0.0.1 "$port" <<< "$pipelined")" "$pipelined"

console=$(printf 'list\nnonsense\n' | timeout 5 nc -q 2 127.0.0.1 $((port + 5)))
like "the console welcomes" "$console" "Welcome to skynet console"
like "the console lists services" "$console" "snlua server"
like "the console ends an answer" "$console" "<CMD OK>"
like "the console knows what it does not know" "$console" "Invalid command"
