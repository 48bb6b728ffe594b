// The document store, as MongoDB's own driver sees it. What is right is what MongoDB documents.
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import { Binary, Decimal128, Double, Int32, Long, MaxKey, MinKey, MongoClient, ObjectId, Timestamp } from 'mongodb';
import { port, test } from './tools.mjs';

const url = `mongodb://127.0.0.1:${port + 12}/`;
const client = new MongoClient(url, { serverSelectionTimeoutMS: 5000 });
const db = client.db('clients');
await client.connect();
await db.dropDatabase();

let made = 0;
// A collection of a test's own, with these documents.
async function fresh(...documents) {
  const collection = db.collection(`c${++made}`);
  if (documents.length) await collection.insertMany(documents);
  return collection;
}

const code = wanted => error => (error.code === wanted ? true : (console.log(`# ${error.code} ${error.message}`), false));

// ---- documents ---------------------------------------------------------------------------------

await test('docstore: insert and find by _id', async () => {
  const c = await fresh();
  const result = await c.insertOne({ _id: 1, name: 'one' });
  deepStrictEqual(result, { acknowledged: true, insertedId: 1 });
  deepStrictEqual(await c.findOne({ _id: 1 }), { _id: 1, name: 'one' });
  strictEqual(await c.findOne({ _id: 2 }), null);
});

await test('docstore: 1, 1.0 and a long 1 are one _id', async () => {
  const c = await fresh({ _id: 1 });
  for (const same of [new Double(1), Long.fromNumber(1), Decimal128.fromString('1.0')]) {
    await rejects(c.insertOne({ _id: same }), code(11000));
    strictEqual(await c.countDocuments({ _id: same }), 1);
  }
  await c.insertOne({ _id: '1' });
  strictEqual(await c.countDocuments(), 2);
});

await test('docstore: every kind of value comes back as it was', async () => {
  const c = await fresh();
  const document = {
    _id: 'kinds', d: new Double(1), z: new Double(-0), nan: new Double(NaN), inf: new Double(-Infinity), i: new Int32(7),
    l: Long.fromString('9007199254740993'), s: 'text\u0000with zero', e: '', o: { 'a.b': 1, x: { y: [] } },
    a: [[1, [2]], [], {}], b: new Binary(Buffer.from([0, 1, 255]), 5), id: new ObjectId(), t: true, date: new Date(-1),
    n: null, r: /a.b/i, ts: new Timestamp({ t: 5, i: 6 }), dec: Decimal128.fromString('1.50'), min: new MinKey(), max: new MaxKey(),
  };
  await c.insertOne(document);
  const raw = await c.findOne({ _id: 'kinds' }, { promoteValues: false, promoteLongs: false, bsonRegExp: true });
  deepStrictEqual(Object.keys(raw), Object.keys(document));
  const back = await c.findOne({ _id: 'kinds' }, { promoteValues: false });
  ok(Object.is(back.z.value, -0), 'minus zero');
  ok(Number.isNaN(back.nan.value) && back.inf.value === -Infinity);
  ok(back.d instanceof Double && back.i instanceof Int32);
  strictEqual(back.l.toString(), '9007199254740993');
  strictEqual(back.s, document.s);
  deepStrictEqual(Object.keys(back.o), ['a.b', 'x']);
  strictEqual(back.dec.toString(), '1.50');
});

await test('docstore: a driver-made _id is an ObjectId', async () => {
  const c = await fresh();
  const { insertedId } = await c.insertOne({ a: 1 });
  ok(insertedId instanceof ObjectId);
  deepStrictEqual(await c.findOne(), { _id: insertedId, a: 1 });
});

// ---- cursors -----------------------------------------------------------------------------------

await test('docstore: a cursor over 10,000 documents gives each once, in order', async () => {
  const c = db.collection('many');
  await c.insertMany(Array.from({ length: 10000 }, (_, i) => ({ _id: i, group: i % 10, text: `number ${i}` })));
  let next = 0;
  for await (const one of c.find()) strictEqual(one._id, next++);
  strictEqual(next, 10000);
  const some = await c.find({ group: 3 }, { batchSize: 7 }).sort({ _id: -1 }).skip(2).limit(50).toArray();
  deepStrictEqual(some.map(one => one._id), Array.from({ length: 50 }, (_, i) => 9973 - 10 * i));
  strictEqual(await c.countDocuments({ group: { $lt: 3 } }), 3000);
  strictEqual(await c.estimatedDocumentCount(), 10000);
});

await test('docstore: batches, getMore and killCursors as commands', async () => {
  const c = await fresh(...Array.from({ length: 10 }, (_, _id) => ({ _id })));
  const first = await db.command({ find: c.collectionName, batchSize: 4 });
  strictEqual(first.cursor.firstBatch.length, 4);
  strictEqual(first.cursor.ns, `clients.${c.collectionName}`);
  ok(first.cursor.id);
  const id = Long.fromString(String(first.cursor.id));
  const more = await db.command({ getMore: id, collection: c.collectionName, batchSize: 4 });
  deepStrictEqual(more.cursor.nextBatch.map(one => one._id), [4, 5, 6, 7]);
  const killed = await db.command({ killCursors: c.collectionName, cursors: [id, Long.fromNumber(99)] });
  strictEqual(String(killed.cursorsKilled[0]), String(id));
  strictEqual(Number(killed.cursorsNotFound[0]), 99);
  await rejects(db.command({ getMore: id, collection: c.collectionName }), code(43));
  const single = await db.command({ find: c.collectionName, batchSize: 4, singleBatch: true });
  strictEqual(Number(single.cursor.id), 0);
  const none = await db.command({ find: c.collectionName, batchSize: 0 });
  strictEqual(none.cursor.firstBatch.length, 0);
  ok(none.cursor.id);
});

await test('docstore: filters, sort, projection', async () => {
  const c = await fresh({ _id: 1, a: 5, tags: ['x', 'y'], in: { b: 1 } }, { _id: 2, a: 7, tags: [], in: { b: 2 } }, { _id: 3, a: null });
  const ids = async filter => (await c.find(filter).sort({ _id: 1 }).toArray()).map(one => one._id);
  deepStrictEqual(await ids({ a: { $gte: 5, $lt: 7 } }), [1]);
  deepStrictEqual(await ids({ tags: 'y' }), [1]);
  deepStrictEqual(await ids({ 'in.b': { $in: [2, 9] } }), [2]);
  deepStrictEqual(await ids({ a: null }), [3]);
  deepStrictEqual(await ids({ tags: { $exists: false } }), [3]);
  deepStrictEqual(await ids({ $or: [{ a: 7 }, { tags: { $size: 2 } }] }), [1, 2]);
  deepStrictEqual(await ids({ _id: { $not: { $gt: 1 } } }), [1]);
  deepStrictEqual(await c.findOne({ _id: 1 }, { projection: { _id: 0, 'in.b': 1 } }), { in: { b: 1 } });
  deepStrictEqual(await c.findOne({ _id: 2 }, { projection: { in: 0, tags: 0 } }), { _id: 2, a: 7 });
  await rejects(c.findOne({ a: { $strange: 1 } }), code(2));
});

// ---- writes ------------------------------------------------------------------------------------

await test('docstore: updates tell what they matched and modified', async () => {
  const c = await fresh({ _id: 1, n: 1, list: [1, 2] }, { _id: 2, n: 1 });
  const one = await c.updateOne({ _id: 1 }, { $inc: { n: 2 }, $push: { list: { $each: [0, 9], $sort: 1 } } });
  deepStrictEqual(one, { acknowledged: true, modifiedCount: 1, upsertedId: null, upsertedCount: 0, matchedCount: 1 });
  deepStrictEqual(await c.findOne({ _id: 1 }), { _id: 1, n: 3, list: [0, 1, 2, 9] });
  const same = await c.updateOne({ _id: 1 }, { $set: { n: 3 } });
  deepStrictEqual([same.matchedCount, same.modifiedCount], [1, 0]);
  const many = await c.updateMany({}, { $set: { x: true } });
  deepStrictEqual([many.matchedCount, many.modifiedCount], [2, 2]);
  const upsert = await c.updateOne({ _id: 9 }, { $setOnInsert: { made: 1 }, $set: { n: 4 } }, { upsert: true });
  deepStrictEqual(upsert, { acknowledged: true, modifiedCount: 0, upsertedId: 9, upsertedCount: 1, matchedCount: 0 });
  deepStrictEqual(await c.findOne({ _id: 9 }), { _id: 9, made: 1, n: 4 });
  const replaced = await c.replaceOne({ _id: 2 }, { other: 1 });
  strictEqual(replaced.modifiedCount, 1);
  deepStrictEqual(await c.findOne({ _id: 2 }), { _id: 2, other: 1 });
  await rejects(c.updateOne({ _id: 1 }, { $set: { _id: 5 } }), code(66));
  await c.updateOne({ _id: 1 }, { $set: { 'list.$[big]': -1 } }, { arrayFilters: [{ big: { $gt: 1 } }] });
  deepStrictEqual((await c.findOne({ _id: 1 })).list, [0, 1, -1, -1]);
});

await test('docstore: deletes', async () => {
  const c = await fresh({ a: 1 }, { a: 1 }, { a: 1 }, { a: 2 });
  deepStrictEqual(await c.deleteOne({ a: 1 }), { acknowledged: true, deletedCount: 1 });
  deepStrictEqual(await c.deleteMany({ a: 1 }), { acknowledged: true, deletedCount: 2 });
  strictEqual(await c.countDocuments(), 1);
});

await test('docstore: findOneAnd...', async () => {
  const c = await fresh({ _id: 1, n: 1 }, { _id: 2, n: 5 });
  deepStrictEqual(await c.findOneAndUpdate({}, { $inc: { n: 1 } }, { sort: { n: -1 } }), { _id: 2, n: 5 });
  deepStrictEqual(await c.findOneAndUpdate({ _id: 1 }, { $inc: { n: 1 } }, { returnDocument: 'after' }), { _id: 1, n: 2 });
  strictEqual(await c.findOneAndUpdate({ _id: 7 }, { $set: { n: 1 } }), null);
  const whole = await c.findOneAndUpdate({ _id: 7 }, { $set: { n: 1 } },
    { upsert: true, returnDocument: 'after', includeResultMetadata: true });
  deepStrictEqual(whole.lastErrorObject, { n: 1, updatedExisting: false, upserted: 7 });
  deepStrictEqual(whole.value, { _id: 7, n: 1 });
  deepStrictEqual(await c.findOneAndReplace({ _id: 1 }, { z: 1 }, { returnDocument: 'after' }), { _id: 1, z: 1 });
  deepStrictEqual(await c.findOneAndDelete({ _id: 2 }, { projection: { _id: 0 } }), { n: 6 });
  strictEqual(await c.countDocuments({ _id: 2 }), 0);
});

await test('docstore: bulk writes, in order and not', async () => {
  const c = await fresh({ _id: 1 });
  const result = await c.bulkWrite([
    { insertOne: { document: { _id: 2, a: 1 } } },
    { updateOne: { filter: { _id: 2 }, update: { $set: { a: 2 } } } },
    { updateOne: { filter: { _id: 3 }, update: { $set: { a: 3 } }, upsert: true } },
    { replaceOne: { filter: { _id: 1 }, replacement: { a: 4 } } },
    { deleteOne: { filter: { _id: 2 } } },
  ]);
  deepStrictEqual([result.insertedCount, result.matchedCount, result.modifiedCount, result.deletedCount, result.upsertedCount], [1, 2, 2, 1, 1]);
  deepStrictEqual(result.upsertedIds, { 2: 3 });
  const list = [{ _id: 10 }, { _id: 1 }, { _id: 11 }];
  await rejects(c.insertMany(list), error => error.code === 11000 && error.result.insertedCount === 1);
  await rejects(c.insertMany([{ _id: 12 }, { _id: 1 }, { _id: 13 }, { _id: 1 }], { ordered: false }), error => {
    deepStrictEqual(error.writeErrors.map(one => one.index), [1, 3]);
    return error.result.insertedCount === 2;
  });
  strictEqual(await c.countDocuments({ _id: { $gte: 10 } }), 3);
});

await test('docstore: a write without acknowledgement is not answered, and done', async () => {
  const c = await fresh();
  await c.insertOne({ _id: 1 }, { writeConcern: { w: 0 } });
  const end = Date.now() + 5000;
  while (!(await c.findOne({ _id: 1 }))) ok(Date.now() < end, 'it never comes');
});

// ---- indexes -----------------------------------------------------------------------------------

await test('docstore: a unique index refuses a second one and says which', async () => {
  const c = await fresh({ _id: 1, acc: 'a', srv: 1 });
  strictEqual(await c.createIndex({ acc: 1, srv: -1 }, { unique: true }), 'acc_1_srv_-1');
  const error = await c.insertOne({ acc: 'a', srv: 1 }).then(() => null, e => e);
  strictEqual(error.code, 11000);
  deepStrictEqual(error.keyPattern, { acc: 1, srv: -1 });
  deepStrictEqual(error.keyValue, { acc: 'a', srv: 1 });
  strictEqual(error.message,
    `E11000 duplicate key error collection: clients.${c.collectionName} index: acc_1_srv_-1 dup key: { acc: "a", srv: 1 }`);
  await c.insertOne({ _id: 2, acc: 'a', srv: 2 });
  await rejects(c.updateOne({ _id: 2 }, { $set: { srv: 1 } }), code(11000));
  deepStrictEqual(await c.findOne({ _id: 2 }), { _id: 2, acc: 'a', srv: 2 });
  await rejects(c.createIndex({ acc: 1 }, { unique: true }), code(11000));
  strictEqual((await c.indexes()).length, 2);
});

await test('docstore: listIndexes, dropIndex, and what goes wrong with them', async () => {
  const c = await fresh({ a: 1 });
  await c.createIndexes([{ key: { a: 1 } }, { key: { 'b.c': -1 }, sparse: true, name: 'mine' }, { key: { at: 1 }, expireAfterSeconds: 60 }]);
  deepStrictEqual(await c.indexes(), [
    { v: 2, key: { _id: 1 }, name: '_id_' }, { v: 2, key: { a: 1 }, name: 'a_1' },
    { v: 2, key: { 'b.c': -1 }, name: 'mine', sparse: true }, { v: 2, key: { at: 1 }, name: 'at_1', expireAfterSeconds: 60 },
  ]);
  const again = await db.command({ createIndexes: c.collectionName, indexes: [{ key: { a: 1 }, name: 'a_1' }] });
  deepStrictEqual([again.numIndexesBefore, again.numIndexesAfter, again.note], [4, 4, 'all indexes already exist']);
  await rejects(c.createIndex({ a: 1 }, { unique: true }), code(86));
  await rejects(c.createIndex({ a: 1 }, { name: 'other' }), code(85));
  strictEqual(await c.createIndex({ a: 1 }, { name: 'once', unique: true }), 'once');
  await c.dropIndex('once');
  await rejects(c.dropIndex('none'), code(27));
  await rejects(c.dropIndex('_id_'), code(72));
  await c.dropIndex('mine');
  strictEqual((await c.indexes()).length, 3);
  await rejects(db.collection('nowhere').indexes(), code(26));
});

await test('docstore: equality, ranges and order use the index, and explain tells', async () => {
  const c = await fresh(...Array.from({ length: 200 }, (_, i) => ({ _id: i, n: i % 50, s: `s${i}`, tags: [i, i + 1000] })));
  await c.createIndex({ n: 1, s: 1 });
  await c.createIndex({ tags: 1 });
  const stage = async (filter, sort) => {
    const plan = (await c.find(filter).sort(sort ?? {}).explain('queryPlanner')).queryPlanner.winningPlan;
    return plan.inputStage ? `${plan.stage}:${plan.inputStage.stage}` : plan.stage;
  };
  strictEqual(await stage({ n: 7 }), 'FETCH:IXSCAN');
  strictEqual(await stage({ n: { $gt: 7, $lte: 9 } }), 'FETCH:IXSCAN');
  strictEqual(await stage({ n: { $in: [1, 2] } }), 'FETCH:IXSCAN');
  strictEqual(await stage({}, { n: -1, s: -1 }), 'FETCH:IXSCAN');
  strictEqual(await stage({ n: 7 }, { s: -1 }), 'FETCH:IXSCAN');
  strictEqual(await stage({ s: 's7' }), 'COLLSCAN');
  strictEqual(await stage({ n: 7 }, { _id: 1 }), 'SORT:FETCH');
  const stats = (await c.find({ n: 7 }).explain('executionStats')).executionStats;
  deepStrictEqual([stats.nReturned, stats.totalDocsExamined], [4, 4]);
  deepStrictEqual((await c.find({ n: 7 }).toArray()).map(one => one._id).sort((x, y) => x - y), [7, 57, 107, 157]);
  strictEqual(await c.countDocuments({ n: { $gte: 10, $lt: 12 } }), 8);
  deepStrictEqual((await c.find({}).sort({ n: -1, s: -1 }).limit(2).toArray()).map(one => one.s), ['s99', 's49']);
  deepStrictEqual((await c.find({ tags: { $gte: 1198 } }).toArray()).map(one => one._id).sort(), [198, 199]);
  strictEqual(await c.countDocuments({ tags: { $gt: 100, $lt: 1050 } }), 200, 'one element is over, another one under');
});

await test('docstore: documents of a TTL index go when their time has come', async () => {
  const c = await fresh({ _id: 1, at: new Date(Date.now() - 3600e3) }, { _id: 2, at: new Date() }, { _id: 3 });
  await client.db('admin').command({ setParameter: 1, ttlMonitorSleepSecs: 1 });
  await c.createIndex({ at: 1 }, { expireAfterSeconds: 600 });
  const end = Date.now() + 10000;
  while (await c.findOne({ _id: 1 })) {
    ok(Date.now() < end, 'it never goes');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  strictEqual(await c.countDocuments(), 2);
  await client.db('admin').command({ setParameter: 1, ttlMonitorSleepSecs: 60 });
});

// ---- aggregation, counts -----------------------------------------------------------------------

await test('docstore: aggregation', async () => {
  const c = await fresh({ _id: 1, k: 'a', n: 1 }, { _id: 2, k: 'b', n: 5 }, { _id: 3, k: 'a', n: 10 });
  const other = await fresh({ _id: 'a', title: 'first' });
  deepStrictEqual(await c.aggregate([{ $match: { n: { $gt: 0 } } }, { $group: { _id: '$k', sum: { $sum: '$n' }, most: { $max: '$n' } } },
    { $sort: { _id: 1 } }]).toArray(), [{ _id: 'a', sum: 11, most: 10 }, { _id: 'b', sum: 5, most: 5 }]);
  deepStrictEqual(await c.aggregate([{ $match: { _id: 1 } }, { $lookup: { from: other.collectionName, localField: 'k', foreignField: '_id', as: 'x' } },
    { $unwind: '$x' }, { $project: { _id: 0, title: '$x.title' } }]).toArray(), [{ title: 'first' }]);
  deepStrictEqual(await c.aggregate([{ $count: 'all' }]).toArray(), [{ all: 3 }]);
  deepStrictEqual(await c.distinct('k'), ['a', 'b']);
  await rejects(c.aggregate([{ $strange: {} }]).toArray(), code(40324));
  const many = db.collection('many');
  strictEqual((await many.aggregate([{ $addFields: { two: 2 } }], { cursor: { batchSize: 100 } }).toArray()).length, 10000);
});

await test('docstore: $lookup by a pipeline with variables', async () => {
  const orders = await fresh({ _id: 1, item: 'a', least: 2 }, { _id: 2, item: 'b', least: 2 });
  const stock = await fresh({ _id: 1, sku: 'a', n: 5 }, { _id: 2, sku: 'a', n: 1 }, { _id: 3, sku: 'b', n: 1 });
  await stock.createIndex({ sku: 1 });
  const pipeline = [{ $match: { $expr: { $and: [{ $eq: ['$sku', '$$item'] }, { $gte: ['$n', '$$least'] }] } } }, { $project: { n: 1, _id: 0 } }];
  deepStrictEqual(await orders.aggregate([{ $lookup: { from: stock.collectionName, let: { item: '$item', least: '$least' }, pipeline, as: 'has' } },
    { $project: { has: 1 } }]).toArray(), [{ _id: 1, has: [{ n: 5 }] }, { _id: 2, has: [] }]);
  deepStrictEqual(await orders.aggregate([{ $match: { _id: 1 } }, { $lookup: { from: stock.collectionName, localField: 'item', foreignField: 'sku',
    pipeline: [{ $sort: { n: 1 } }, { $limit: 1 }], as: 'has' } }, { $project: { _id: 0, has: 1 } }]).toArray(), [{ has: [{ _id: 2, sku: 'a', n: 1 }] }]);
});

await test('docstore: $expr in filters', async () => {
  const c = await fresh({ _id: 1, a: 1, b: 2 }, { _id: 2, a: 3, b: 2 });
  deepStrictEqual(await c.find({ $expr: { $gt: ['$a', '$b'] } }).toArray(), [{ _id: 2, a: 3, b: 2 }]);
  strictEqual((await c.updateMany({ $expr: { $lt: ['$a', '$b'] } }, { $set: { c: 1 } })).modifiedCount, 1);
  await rejects(c.updateOne({ $expr: true }, { $set: { c: 2 } }, { upsert: true }), code(224));
  await rejects(c.find({ $expr: { $divide: ['$a', 0] } }).toArray(), code(2));
});

await test('docstore: the let of commands', async () => {
  const c = await fresh({ _id: 1, a: 1 }, { _id: 2, a: 5 });
  const options = { let: { least: { $add: [2, 1] }, word: 'x' } }, filter = { $expr: { $gt: ['$a', '$$least'] } };
  deepStrictEqual(await c.find(filter, { ...options, projection: { word: '$$word' } }).toArray(), [{ _id: 2, word: 'x' }]);
  deepStrictEqual(await c.aggregate([{ $match: filter }, { $set: { a: '$$least' } }], options).toArray(), [{ _id: 2, a: 3 }]);
  ok((await c.find(filter, options).explain()).queryPlanner);
  await c.updateMany(filter, [{ $set: { a: { $add: ['$a', '$$least'] } } }], options);
  deepStrictEqual(await c.findOneAndUpdate(filter, { $set: { b: 1 } }, { ...options, returnDocument: 'after' }), { _id: 2, a: 8, b: 1 });
  strictEqual((await c.deleteMany(filter, options)).deletedCount, 1);
  await rejects(c.find(filter).toArray(), code(17276));
  await rejects(c.find(filter, { let: { Least: 1 } }).toArray(), code(9));
  await rejects(c.find(filter, { let: { least: '$a' } }).toArray(), code(4890500));
});

await test('docstore: updates by the stages of a pipeline', async () => {
  const c = await fresh({ _id: 1, a: 1, old: 0 }, { _id: 2, a: 2 });
  const result = await c.updateMany({}, [{ $set: { twice: { $multiply: ['$a', 2] } } }, { $unset: 'old' }]);
  deepStrictEqual([result.matchedCount, result.modifiedCount], [2, 2]);
  deepStrictEqual(await c.find().toArray(), [{ _id: 1, a: 1, twice: 2 }, { _id: 2, a: 2, twice: 4 }]);
  deepStrictEqual(await c.findOneAndUpdate({ _id: 9, a: 5 }, [{ $set: { twice: { $multiply: ['$a', 2] } } }],
    { upsert: true, returnDocument: 'after' }), { _id: 9, a: 5, twice: 10 });
  await rejects(c.updateOne({ _id: 1 }, [{ $set: { _id: 7 } }]), code(66));
  await rejects(c.updateOne({ _id: 1 }, [{ $group: { _id: 1 } }]), code(72));
});

await test('docstore: arithmetic with decimals', async () => {
  const c = await fresh({ _id: 1, n: Decimal128.fromString('0.10') }, { _id: 2, n: 3 });
  await c.updateMany({}, { $inc: { n: Decimal128.fromString('0.20') } });
  deepStrictEqual((await c.find().toArray()).map(one => String(one.n)), ['0.30', '3.20']);
  const [sum] = await c.aggregate([{ $group: { _id: null, sum: { $sum: '$n' }, mean: { $avg: '$n' } } }]).toArray();
  deepStrictEqual([String(sum.sum), String(sum.mean)], ['3.50', '1.75']);
});

// ---- databases, sessions, the server -----------------------------------------------------------

await test('docstore: databases and collections are listed', async () => {
  const other = client.db('clients_other');
  await other.createCollection('x');
  ok((await client.db().admin().listDatabases()).databases.some(one => one.name === 'clients_other' && one.empty === false));
  deepStrictEqual((await other.listCollections().toArray()).map(one => [one.name, one.type]), [['x', 'collection']]);
  await rejects(other.createCollection('x'), code(48));
  await other.renameCollection('x', 'y');
  deepStrictEqual((await other.listCollections({}, { nameOnly: true }).toArray()), [{ name: 'y', type: 'collection' }]);
  strictEqual(await other.collection('y').drop(), true);
  await other.dropDatabase();
  ok(!(await client.db().admin().listDatabases()).databases.some(one => one.name === 'clients_other'));
});

await test('docstore: a session is accepted, a transaction refused as by a single server', async () => {
  const c = await fresh();
  const session = client.startSession();
  await c.insertOne({ _id: 1 }, { session });
  strictEqual((await c.find({}, { session }).toArray()).length, 1);
  session.startTransaction();
  // The driver puts the server's error 20 into words of its own.
  await rejects(c.insertOne({ _id: 2 }, { session }), error => (error.code ?? error.originalError?.code) === 20 || /does not support retryable writes/.test(error.message));
  await session.abortTransaction().catch(() => {});
  await session.endSession();
  strictEqual(await c.countDocuments(), 1);
});

await test('docstore: what is unknown is refused by name', async () => {
  await rejects(db.command({ fly: 1 }), error => error.code === 59 && error.codeName === 'CommandNotFound' && error.message === "no such command: 'fly'");
  await rejects(db.command({ find: 'x', wings: 2 }), code(40415));
  await rejects(db.command({ atlasVersion: 1 }), code(59));
  await rejects(db.command({ insert: 'x', documents: [] }), code(16));
  await rejects(db.command({ find: 5 }), code(73));
  const named = (wanted, name) => error => error.code === wanted && error.codeName === name;
  const c = await fresh({ _id: 1 });
  await rejects(c.find({}, { tailable: true }).toArray(), named(2, 'BadValue'));
  await rejects(c.find({}, { readConcern: { level: 'linearizable' } }).toArray(), named(123, 'NotAReplicaSet'));
  await rejects(db.command({ insert: c.collectionName, documents: [{}], txnNumber: Long.fromNumber(1) }), named(20, 'IllegalOperation'));
  await rejects(db.command({ listDatabases: 1 }), named(13, 'Unauthorized'));
  await rejects(c.aggregate([{ $changeStream: {} }]).toArray(), code(40573));
  await rejects(db.command({ createIndexes: c.collectionName, indexes: [{ key: { a: 1 }, name: 'a', wings: 1 }] }),
    named(197, 'InvalidIndexSpecificationOption'));
  await rejects(db.command({ update: c.collectionName, updates: [{ q: {}, u: { $set: { a: 1 } } }, { q: {}, u: {}, wings: 1 }] }), code(40415));
  strictEqual(await c.countDocuments({ a: 1 }), 0);
});

await test('docstore: the server tells about itself', async () => {
  const admin = client.db('admin');
  const hello = await admin.command({ hello: 1 });
  deepStrictEqual([hello.isWritablePrimary, hello.maxBsonObjectSize, hello.maxMessageSizeBytes, hello.maxWriteBatchSize],
    [true, 16777216, 48000000, 100000]);
  ok((await admin.command({ buildInfo: 1 })).version.startsWith('7.'));
  const status = await admin.command({ serverStatus: 1 });
  ok(status.connections.current >= 1 && Number(status.opcounters.insert) > 0);
  const stats = await db.command({ collStats: 'many' });
  deepStrictEqual([stats.ns, stats.count, stats.nindexes], ['clients.many', 10000, 1]);
  ok(stats.size > 0 && stats.avgObjSize > 0);
});

for (const compressor of ['zlib', 'zstd', 'snappy']) {
  await test(`docstore: messages compressed by ${compressor}`, async () => {
    const packed = new MongoClient(url, { compressors: [compressor] });
    try {
      const c = packed.db('clients').collection(`packed_${compressor}`);
      await c.insertOne({ _id: 1, text: 'x'.repeat(100000) });
      strictEqual((await c.findOne({ _id: 1 })).text.length, 100000);
    } catch (error) {
      // The driver takes zstd and snappy from packages that are built on installation.
      if (!/optional module/i.test(error.message)) throw error;
    } finally {
      await packed.close();
    }
  });
}

await test('docstore: many connections at once', async () => {
  const c = await fresh();
  await Promise.all(Array.from({ length: 500 }, (_, i) => c.insertOne({ _id: i }).then(() => c.updateOne({ _id: i }, { $set: { done: true } }))));
  strictEqual(await c.countDocuments({ done: true }), 500);
});

await client.close();
