/**
 * Judge the bytes of one gossip message, or evidence of an equivocation, without a node.
 *
 * ```ts
 * import { verify } from 'petrel/verify';
 *
 * const { verdict, fault, block, signer } = await verify(bytes, { chain: 'op-mainnet' });
 * ```
 *
 * The same rules, verdicts and names as the node's own and as `petrel check`. Importing this module touches no global.
 */

import { PetrelError } from '../shared/errors.js';
import { judge } from './module.js';
import { evidenceOptions, messageOptions, type EvidenceOptions, type VerifyOptions } from './options.js';
import type { AcceptedMessage, EvidenceReport, RefusedMessage, Verification, VerifiedBlock } from './types.js';

export { PetrelError, type ErrorCode } from '../shared/errors.js';
export type { EvidenceFault, MessageFault } from '../shared/faults.js';
export type { EvidenceOptions, VerifyOptions } from './options.js';
export type { AcceptedMessage, EvidenceReport, PayloadVersion, RefusedMessage, Verification, VerifiedBlock } from './types.js';

/** Bytes of a message as it is on the wire: a message of 10 MiB that cannot be compressed has 12 MiB. */
const MAX_WIRE = 16 * 2 ** 20;
/** Bytes of evidence: as the core's `MAX_BYTES`. */
const MAX_EVIDENCE = 48 * 2 ** 20;

/** What the module writes: JSON has no bigint. */
type WrittenBlock = Omit<VerifiedBlock, 'baseFeePerGas'> & { readonly baseFeePerGas: string };
type WrittenReport = (Omit<AcceptedMessage, 'block'> & { readonly block: WrittenBlock }) | RefusedMessage;

/**
 * Judges a gossip message as it was received: one snappy block, without a protobuf around it. `block` is there when it is accepted, and
 * else `fault` and `detail` say which rule it breaks first. `signer` is also there when it is another one than the chain's.
 *
 * Rejects with a `PetrelError` when an option is wrong or the module cannot be loaded; a wrong message is no error.
 */
export async function verify(bytes: Uint8Array | ArrayBuffer, options: VerifyOptions): Promise<Verification> {
  const { chain, signer, version, at, wasm } = await messageOptions(options);
  const wire = bytesOf(bytes, 'the message');
  if (wire.length > MAX_WIRE) throw bad(`the message has ${wire.length} bytes; none has more than ${MAX_WIRE}`, 'give the bytes of one message');
  const report = await judge<WrittenReport>(wasm, ({ judgeMessage }) => judgeMessage(wire, chain, signer, version, at));
  if (report.block === null) return report;
  return { ...report, block: { ...report.block, baseFeePerGas: BigInt(report.block.baseFeePerGas) } };
}

/**
 * Judges evidence that a signer signed two blocks of one height: the JSON that a daemon, `petrel check` or a tab has, as text or bytes.
 * It is `accept` when both messages are of the chain's signer (or `signer`), for one height and of different hashes.
 *
 * It proves that the holder of the signer's key signed both. It does not prove which one became part of the chain, nor that anybody was
 * harmed: when a sequencer restarts or follows a reorg of L1, it signs a second block too.
 *
 * Rejects as `verify` does.
 */
export async function judgeEvidence(json: string | Uint8Array | ArrayBuffer, options: EvidenceOptions): Promise<EvidenceReport> {
  const { chain, signer, wasm } = await evidenceOptions(options);
  if (typeof json === 'string' && json.length > MAX_EVIDENCE) return tooLarge(json.length);
  const document = typeof json === 'string' ? new TextEncoder().encode(json) : bytesOf(json, 'the evidence');
  if (document.length > MAX_EVIDENCE) return tooLarge(document.length);
  return judge(wasm, ({ judgeEvidence }) => judgeEvidence(document, chain, signer));
}

/** What the module would report, without the copy of the bytes that it would need. */
function tooLarge(bytes: number): EvidenceReport {
  const detail = `${bytes} bytes, evidence has at most 48 MiB`;
  const nothing = { chain: null, signer: null, number: null, hashes: null };
  return { kind: 'petrel-equivocation', ...nothing, verdict: 'reject', fault: 'evidence_too_large', detail };
}

function bytesOf(given: Uint8Array | ArrayBuffer, name: string): Uint8Array {
  if (given instanceof Uint8Array) return given;
  if (given instanceof ArrayBuffer) return new Uint8Array(given);
  throw bad(`${name} is neither a Uint8Array nor an ArrayBuffer`, 'give its bytes');
}

function bad(message: string, remedy: string): PetrelError {
  return new PetrelError({ code: 'bad_options', message, remedy });
}
