// npm's verifier on one bundle.
// usage: node verify.mjs TRUSTED_ROOT BUNDLE ARTIFACT identity SAN ISSUER | key PUBLIC_KEY_PEM
// Prints why and exits with 1 when it refuses.

import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';

const [, , rootFile, bundleFile, artifact, kind, ...who] = process.argv;
const json = (file) => JSON.parse(readFileSync(file, 'utf8'));

// The verifier takes the name as a regular expression.
const anchored = (san) => `^${san.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;

const byIdentity = ([san, issuer]) => ({
  policy: { subjectAlternativeName: anchored(san), extensions: { issuer } },
});
const byKey = ([file]) => ({
  finder: () => ({ publicKey: createPublicKey(readFileSync(file)), validFor: () => true }),
});

try {
  const { policy, finder } = kind === 'key' ? byKey(who) : byIdentity(who);
  const bundle = bundleFromJSON(json(bundleFile));
  const logged = bundle.verificationMaterial.tlogEntries.length;
  const thresholds = { tlogThreshold: Math.min(1, logged), ctlogThreshold: kind === 'key' ? 0 : 1 };
  const trust = toTrustMaterial(TrustedRoot.fromJSON(json(rootFile)), finder);
  new Verifier(trust, thresholds).verify(toSignedEntity(bundle, readFileSync(artifact)), policy);
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
