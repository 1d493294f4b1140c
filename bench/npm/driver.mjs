// Bench driver for npm's @sigstore/verify: one command a line in, `ok ...` or `error ...` out.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';

const [, , folder] = process.argv;
const prepared = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  console.log(answer(line.trim().split(/\s+/)));
}

function answer([command, name, n]) {
  try {
    switch (command) {
      case 'versions':
        return `ok ${versions()}`;
      case 'parsed':
        return `ok ${samples(Number(n), () => verify(prepare(name), prepare(name).bundle))}`;
      case 'parse':
        return `ok ${samples(Number(n), () => parseAndVerify(prepare(name)))}`;
      default:
        return `error unknown command: ${command}`;
    }
  } catch (error) {
    return `error ${String(error).replaceAll('\n', ' ')}`;
  }
}

function parseAndVerify(prepared) {
  verify(prepared, bundleFromJSON(JSON.parse(prepared.text)));
}

// The signed entity holds parsed state, so building it belongs to each verification.
function verify({ verifier, policy, artifact }, bundle) {
  verifier.verify(toSignedEntity(bundle, artifact), policy);
}

function prepare(name) {
  if (!prepared.has(name)) prepared.set(name, load(join(folder, name)));
  return prepared.get(name);
}

function load(path) {
  const json = (file) => JSON.parse(readFileSync(join(path, file), 'utf8'));
  const { identity, issuer } = json('case.json');
  const root = TrustedRoot.fromJSON(json('root.json'));
  const text = readFileSync(join(path, 'bundle.json'), 'utf8');
  return {
    verifier: new Verifier(toTrustMaterial(root)),
    policy: { subjectAlternativeName: anchored(identity), extensions: { issuer } },
    text,
    bundle: bundleFromJSON(JSON.parse(text)),
    artifact: readFileSync(join(path, 'artifact')),
  };
}

// The verifier takes the name as a regular expression.
function anchored(identity) {
  return `^${identity.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}

// Two untimed calls first: whoever measured before has filled the caches with something else.
function samples(n, once) {
  once();
  once();
  const nanos = [];
  for (let i = 0; i < n; i += 1) {
    const start = process.hrtime.bigint();
    once();
    nanos.push(process.hrtime.bigint() - start);
  }
  return nanos.join(' ');
}

function versions() {
  const require = createRequire(import.meta.url);
  const path = join(require.resolve('@sigstore/verify'), '..', '..', 'package.json');
  return `node=${process.versions.node} @sigstore/verify=${require(path).version}`;
}
