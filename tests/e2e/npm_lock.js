// What npm_lock.py lets run beside the npm package "consul": its locks, against the agent at the port that is given.
// Prints what it sees; exits with 1 at the first thing that is not so.

'use strict';

const assert = require('assert');
const consul = require('consul')({ host: '127.0.0.1', port: process.argv[2] });

const KEY = 'e2e/npm/leader';
const FLAGS = 0x2ddccbc058a50c18; // as near as a number of JavaScript's comes
const PATIENCE = 20000;

function call(what, method, options) {
  return new Promise((resolve, reject) => {
    const done = (error, data) => (error ? reject(new Error(`${what}: ${error.message}`)) : resolve(data));
    method(options, done);
  });
}

function happens(lock, event) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${event}" within ${PATIENCE} ms`)), PATIENCE);
    lock.once(event, (details) => {
      clearTimeout(timer);
      resolve(details);
    });
  });
}

function makeLock(name) {
  // While a lock-delay is in effect this client waits for a change of the key that nothing brings: for this long.
  const lock = consul.lock({
    key: KEY, value: name, session: { name, lockdelay: '1s' }, lockretrytime: '100ms', lockwaittime: '500ms',
  });
  lock.on('error', (error) => {
    console.error(`${name}: ${error.message}`);
    process.exit(1);
  });
  return lock;
}

async function main() {
  const [first, second, third] = ['first', 'second', 'third'].map(makeLock);
  let got = happens(first, 'acquire');
  first.acquire();
  await got;
  let entry = await call('get', consul.kv.get.bind(consul.kv), KEY);
  assert.strictEqual(entry.Value, 'first');
  assert.strictEqual(entry.Flags, FLAGS);
  assert.strictEqual(entry.LockIndex, 1);
  const [session] = [].concat(await call('info', consul.session.get.bind(consul.session), entry.Session));
  assert.strictEqual(session.Name, 'first');
  console.log('the first has it');

  const waits = happens(second, 'retry');
  got = happens(second, 'acquire');
  second.acquire();
  assert.strictEqual((await waits).leader, entry.Session);
  console.log('the second waits for the first');

  const ended = happens(first, 'end');
  first.release();
  await Promise.all([ended, got]);
  entry = await call('get', consul.kv.get.bind(consul.kv), KEY);
  assert.strictEqual(entry.Value, 'second');
  assert.strictEqual(entry.LockIndex, 2);
  console.log('the second has it after the first has released it');

  got = happens(third, 'acquire');
  const lost = happens(second, 'end');
  third.acquire();
  const begun = Date.now();
  await call('destroy', consul.session.destroy.bind(consul.session), entry.Session);
  await lost;
  console.log('the second is told that its session is gone');
  await got;
  const passed = Date.now() - begun;
  assert(passed >= 1000, `the third had it ${passed} ms after, within the lock-delay`);
  entry = await call('get', consul.kv.get.bind(consul.kv), KEY);
  assert.strictEqual(entry.Value, 'third');
  console.log(`the third has it after the lock-delay: ${passed} ms`);
  const over = happens(third, 'end');
  third.release();
  await over;
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message);
  process.exit(1);
});
