# MongoDB's shell at the document store: connects, shows databases, finds, updates, and sees errors as there.
port=$(($1 + 12))
here=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

# shell SCRIPT: what it prints. Its files go to a home of their own, and it asks nobody on the network.
shell() {
  HOME=$home MONGOSH_FORCE_DISABLE_TELEMETRY=1 timeout 90 node "$here/node_modules/mongosh/bin/mongosh.js" --quiet --norc \
    "mongodb://127.0.0.1:$port/shell?serverSelectionTimeoutMS=5000" --eval "$1" 2>&1
}

number=0
# is NAME WANTED GOT
is() {
  number=$((number + 1))
  if [[ $3 == "$2" ]]; then
    echo "ok - mongosh: $1"
  else
    printf 'not ok - mongosh: %s\n# got %s\n# want %s\n' "$1" "$3" "$2"
  fi
}
# has NAME PART GOT
has() {
  if [[ $3 == *"$2"* ]]; then echo "ok - mongosh: $1"; else printf 'not ok - mongosh: %s\n# %s\n# lacks %s\n' "$1" "$3" "$2"; fi
}

all=$(shell '
  db.dropDatabase();
  print("inserted " + Object.keys(db.c.insertMany([{_id: 1, a: 5}, {_id: 2, a: 7}]).insertedIds).length);
  print("found " + EJSON.stringify(db.c.find({a: {$gt: 5}}).toArray()));
  print("updated " + EJSON.stringify(db.c.updateOne({_id: 1}, {$inc: {a: 1}})));
  print("one " + EJSON.stringify(db.c.findOne({_id: 1})));
  print("index " + db.c.createIndex({a: 1}, {unique: true}));
  try { db.c.insertOne({a: 7}) } catch (e) { print("error " + e.code + " " + e.message) }
  print("count " + db.c.countDocuments());
  print("dbs " + db.getMongo().getDBNames().filter(one => one == "shell").join());
  print("collections " + db.getCollectionNames().join());
  print("stage " + db.c.find({a: 7}).explain().queryPlanner.winningPlan.inputStage.indexName);
  print("stats " + db.c.stats().count);
  print("group " + EJSON.stringify(db.c.aggregate([{$group: {_id: null, n: {$sum: "$a"}}}]).toArray()));
  try { db.runCommand({fly: 1}) } catch (e) { print("unknown " + e.codeName) }
')
line() { grep -m 1 "^$1 " <<< "$all" | cut -d ' ' -f 2-; }
is "inserts" 2 "$(line inserted)"
is "finds" '[{"_id":2,"a":7}]' "$(line found)"
is "updates" '{"acknowledged":true,"insertedId":null,"matchedCount":1,"modifiedCount":1,"upsertedCount":0}' "$(line updated)"
is "finds one" '{"_id":1,"a":6}' "$(line one)"
is "makes an index" a_1 "$(line index)"
has "is refused a duplicate" "11000 E11000 duplicate key error collection: shell.c index: a_1 dup key: { a: 7 }" "$(line error)"
is "counts" 2 "$(line count)"
is "lists databases" shell "$(line dbs)"
is "lists collections" c "$(line collections)"
is "explains" a_1 "$(line stage)"
is "shows sizes" 2 "$(line stats)"
is "aggregates" '[{"_id":null,"n":13}]' "$(line group)"
is "is told of an unknown command" CommandNotFound "$(line unknown)"
shown=$(shell 'show dbs')
has "show dbs" shell "$shown"
[[ $all == *"ok - "* ]] && echo "# $all"
exit 0
