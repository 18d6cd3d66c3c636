// Times ONNX Runtime on request, in the words of torch_server.py, with one slot:  node onnx_server.js [--threads 2]
// Needs the package onnxruntime-node, found through NODE_PATH.
const readline = require('readline');
const ort = require('onnxruntime-node');

const at = process.argv.indexOf('--threads');
const threads = at < 0 ? 2 : Number(process.argv[at + 1]);
let session = null;
let feeds = null;

// The same values as networks.noise of networks.py.
function noise(seed, shape) {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < values.length; i++) {
    let h = (i + Math.imul(seed, 0x9e3779b9)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h = (h ^ (h >>> 16)) >>> 0;
    values[i] = (2 * ((h >>> 8) / (1 << 24)) - 1) * Math.sqrt(3);
  }
  return new ort.Tensor('float32', values, shape);
}

function tokenIds(batch) {
  const ids = new BigInt64Array(batch * 77).fill(49407n);
  for (let b = 0; b < batch; b++) {
    ids[b * 77] = 49406n;
    for (let i = 0; i < 20; i++) {
      ids[b * 77 + 1 + i] = BigInt(320 + 997 * (b * 20 + i));
    }
  }
  return new ort.Tensor('int64', ids, [batch, 77]);
}

function inputs(c) {
  const s = c.size / 8;
  const latents = () => noise(1, [c.batch, 4, s, s]);
  const step = () => ({
    x: latents(),
    t: new ort.Tensor('float32', new Float32Array(c.batch).fill(501), [c.batch]),
    context: noise(2, [c.batch, 77, 768]),
  });
  switch (c.part) {
    case 'unet': return step();
    case 'control': return { ...step(), hint: noise(3, [1, 320, s, s]) };
    case 'decode': return { x: latents() };
    case 'encode': return { x: noise(4, [c.batch, 3, c.size, c.size]) };
    case 'clip': return { ids: tokenIds(c.batch) };
    default: throw new Error(`no part ${c.part}`);
  }
}

async function drop() {
  if (session) {
    await session.release();
  }
  session = feeds = null;
}

async function answer(request) {
  if (request.make) {
    await drop();
    feeds = inputs(request.make);
    session = await ort.InferenceSession.create(request.make.onnx, {
      executionProviders: ['cpu'], intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: 'sequential',
      graphOptimizationLevel: 'all',
    });
    const outputs = await session.run(feeds);
    const y = outputs[session.outputNames[session.outputNames.length - 1]].data;
    let sum = 0;
    for (const v of y) {
      sum += v * v;
    }
    return { rms: Math.sqrt(sum / y.length) };
  }
  if (request.time) {
    const seconds = [];
    for (let i = 0; i < request.time.warm; i++) {
      await session.run(feeds);
    }
    const begin = performance.now();
    while (seconds.length === 0
      || (seconds.length < request.time.calls && performance.now() - begin < 1000 * request.time.seconds)) {
      const start = performance.now();
      await session.run(feeds);
      seconds.push((performance.now() - start) / 1000);
    }
    return { seconds };
  }
  await drop();
  return {};
}

const say = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

(async () => {
  say({ hello: `ONNX Runtime ${ort.env.versions.node ?? ort.env.versions.common}` });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      say(await answer(JSON.parse(line)));
    } catch (e) {
      await drop();
      say({ error: String(e.message ?? e) });
    }
  }
})();
