// npm @sigstore/verify judges a bundle: exit 0 if it verifies under the key, 1 if it does not.
//
// The key is self-managed and there is no public log, so every threshold is 0. The library compares neither the
// subjects with files nor the keyid with the hint; attestar's own verifier does.
//
// usage: node sigstore_verify.mjs BUNDLE SPKI-PEM
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, VerificationError, Verifier } from '@sigstore/verify';

const [source, keyFile] = process.argv.slice(2);
const key = createPublicKey(readFileSync(keyFile));
const nothing = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trust = toTrustMaterial(nothing, () => ({ publicKey: key, validFor: () => true }));
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0, timestampThreshold: 0 });

// A bundle that does not parse is no verdict on its signature: it ends in another exit code than a refusal.
let entity;
try {
  entity = toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(source, 'utf8'))));
} catch (error) {
  console.error(`not a bundle: ${error.message}`);
  process.exit(2);
}
try {
  verifier.verify(entity);
} catch (error) {
  if (!(error instanceof VerificationError)) throw error;
  console.log(`refused: ${error.message}`);
  process.exit(1);
}
console.log('accepted');
