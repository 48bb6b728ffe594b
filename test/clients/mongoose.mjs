// The document store, as programs over mongoose see it.
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import mongoose from 'mongoose';
import { port, test } from './tools.mjs';

await mongoose.connect(`mongodb://127.0.0.1:${port + 12}/mongoose`, { serverSelectionTimeoutMS: 5000 });
await mongoose.connection.dropDatabase();

const Player = mongoose.model('Player', new mongoose.Schema({
  acc: { type: String, required: true, unique: true },
  level: { type: Number, default: 1, index: true },
  items: [{ name: String, count: Number }],
  guild: { type: mongoose.Schema.Types.ObjectId, ref: 'Guild' },
  seen: { type: Date, default: Date.now },
}, { timestamps: true }));
const Guild = mongoose.model('Guild', new mongoose.Schema({ name: String }));

await test('mongoose: the indexes of a schema are made', async () => {
  await Player.init();
  const indexes = await Player.collection.indexes();
  deepStrictEqual(indexes.map(one => [Object.keys(one.key)[0], one.unique ?? false]), [['_id', false], ['acc', true], ['level', false]]);
});

await test('mongoose: a document is saved, found, changed and saved again', async () => {
  const guild = await Guild.create({ name: 'first' });
  const player = await Player.create({ acc: 'bob', items: [{ name: 'sword', count: 1 }], guild });
  player.items.push({ name: 'shield', count: 2 });
  player.level = 7;
  await player.save();
  const found = await Player.findOne({ acc: 'bob' }).populate('guild');
  deepStrictEqual([found.level, found.items.length, found.items[1].name, found.guild.name], [7, 2, 'shield', 'first']);
  ok(found.createdAt instanceof Date && found.updatedAt >= found.createdAt);
  found.items[0].count = 5;
  found.items.pull(found.items[1]);
  await found.save();
  const again = await Player.findById(found._id).lean();
  deepStrictEqual(again.items.map(one => [one.name, one.count]), [['sword', 5]]);
});

await test('mongoose: a second one with the same unique key is refused', async () => {
  await rejects(Player.create({ acc: 'bob' }), error => error.code === 11000 && error.keyValue.acc === 'bob');
});

await test('mongoose: an old version of a document does not overwrite a new one', async () => {
  await Player.create({ acc: 'twice', items: [{ name: 'a', count: 1 }, { name: 'b', count: 1 }] });
  const [one, two] = await Promise.all([Player.findOne({ acc: 'twice' }), Player.findOne({ acc: 'twice' })]);
  one.items = [{ name: 'c', count: 9 }];
  await one.save();
  two.items[1].count = 3;
  await rejects(two.save(), { name: 'VersionError' });
});

await test('mongoose: queries, counts, updates', async () => {
  await Player.insertMany(Array.from({ length: 100 }, (_, i) => ({ acc: `p${i}`, level: 100 + i })));
  strictEqual(await Player.countDocuments({ level: { $gte: 100 } }), 100);
  const page = await Player.find({ level: { $gte: 100 } }).sort('-level').skip(10).limit(5).select('acc -_id').lean();
  deepStrictEqual(page.map(one => one.acc), ['p89', 'p88', 'p87', 'p86', 'p85']);
  const result = await Player.updateMany({ level: { $gte: 190 } }, { $inc: { level: 1000 } });
  deepStrictEqual([result.matchedCount, result.modifiedCount], [10, 10]);
  const changed = await Player.findOneAndUpdate({ acc: 'new' }, { level: 3 }, { upsert: true, returnDocument: 'after', setDefaultsOnInsert: true });
  deepStrictEqual([changed.acc, changed.level], ['new', 3]);
  ok(changed.seen instanceof Date);
  strictEqual((await Player.deleteMany({ level: { $gte: 1000 } })).deletedCount, 10);
  ok(await Player.exists({ acc: 'new' }));
  deepStrictEqual((await Player.distinct('level', { acc: /^p[01]$/ })), [100, 101]);
  let seen = 0;
  for await (const one of Player.find({ acc: /^p/ }).cursor({ batchSize: 7 })) seen += one.level >= 100;
  strictEqual(seen, 90);
});

await test('mongoose: aggregation over a model', async () => {
  const rows = await Player.aggregate([{ $match: { acc: /^p/ } }, { $group: { _id: null, count: { $sum: 1 }, most: { $max: '$level' } } }]);
  deepStrictEqual(rows, [{ _id: null, count: 90, most: 189 }]);
});

await test('mongoose: a schema of decimals, and an update by a pipeline', async () => {
  const Purse = mongoose.model('Purse', new mongoose.Schema({ gold: mongoose.Schema.Types.Decimal128, text: String }));
  const { _id } = await Purse.create({ gold: '1.50' });
  await Purse.updateOne({ _id }, { $inc: { gold: mongoose.Types.Decimal128.fromString('0.25') } });
  await Purse.updateOne({ _id }, [{ $set: { text: { $toString: '$gold' } } }], { updatePipeline: true });
  strictEqual((await Purse.findById(_id)).text, '1.75');
});

await mongoose.disconnect();
