// Uses every public export of `petrel` and `petrel/verify` with what ES2022 has: neither `dom` nor the types of Node.

import {
  chains,
  createFollower,
  createPetrel,
  indexedDbStore,
  loadChain,
  PetrelError,
  RpcError,
  RpcErrorCode,
  type AnswerFault,
  type Block,
  type BlockOptions,
  type BlockRef,
  type ByChain,
  type Carried,
  type CatchingUp,
  type Chain,
  type ChainName,
  type ChainRef,
  type ErrorCode,
  type Feed,
  type Follower,
  type FollowerEvent,
  type FollowerOptions,
  type FullBlock,
  type Head,
  type Heard,
  type Hex,
  type Inclusion,
  type KeptBlock,
  type L1Block,
  type L1Options,
  type L1Provider,
  type Lie,
  type Logger,
  type MessageFault,
  type NodeOptions,
  type Peer,
  type Petrel,
  type PetrelOptions,
  type Place,
  type Provider,
  type ProviderEvents,
  type RelayStatus,
  type Reorg,
  type Requester,
  type RollupConfig,
  type Rpc,
  type SendOptions,
  type Sighting,
  type SignerSource,
  type State,
  type Status,
  type Store,
  type StreamOptions,
  type Traffic,
  type Transaction,
  type TransactionForm,
  type TransactionForms,
  type TransactionOptions,
  type Tried,
  type UpstreamCounts,
  type ViemChain,
  type WaitOptions,
  type Withdrawal,
} from 'petrel';
import {
  judgeEvidence,
  verify,
  PetrelError as VerifyError,
  type AcceptedMessage,
  type ErrorCode as VerifyCode,
  type EvidenceFault,
  type EvidenceOptions,
  type EvidenceReport,
  type MessageFault as JudgedFault,
  type PayloadVersion,
  type RefusedMessage,
  type Verification,
  type VerifiedBlock,
  type VerifyOptions,
} from 'petrel/verify';

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Each of these has to be `false`. */
type None<T extends readonly false[]> = T;

export type NothingIsAny = None<
  [
    ...[IsAny<NodeOptions['signal']>, IsAny<NodeOptions['worker']>, IsAny<NodeOptions['wasm']>, IsAny<WaitOptions['signal']>],
    ...[IsAny<Rpc>, IsAny<L1Options['request']>, IsAny<PetrelOptions['proofs']>, IsAny<Petrel['stop']>, IsAny<Follower>, IsAny<Feed<Block>>],
    ...[IsAny<Awaited<ReturnType<typeof verify>>>, IsAny<VerifyOptions['wasm']>, IsAny<Chain['head']>, IsAny<Status['traffic']>],
    ...[IsAny<Petrel[typeof Symbol.asyncDispose]>, IsAny<Awaited<ReturnType<Provider['request']>>>, IsAny<FollowerEvent['event']>],
  ]
>;

const hash: Hex = `0x${'11'.repeat(32)}`;
const rollup: RollupConfig = { l1_chain_id: 1, l2_chain_id: 7, block_time: 2, genesis: { l2_time: 1, l2: { number: 0, hash } }, name: 'seven' };
const viemChain: ViemChain = { id: 10, name: 'OP Mainnet' };
const refs: readonly ChainRef[] = ['op-mainnet', 8453, 10n, viemChain, rollup];
const requester: Requester = { request: async ({ method, params = [] }) => [method, ...params] };
const l1Provider: L1Provider = { request: async ({ method }) => method };
const trusted: L1Block = { hash };
const l1: L1Options = { request: ['https://rpc.example', l1Provider], header: () => trusted };
const store: Store = { load: async (key): Promise<readonly KeptBlock[]> => (key === '' ? [] : []), save: async () => {} };
const logger: Logger = { warn: (message, fields) => void [message, fields['chain']] };
const lists: ByChain<readonly string[]> = { 10: ['https://relay.example'] };

export function options(signal: NonNullable<NodeOptions['signal']>, worker: NonNullable<NodeOptions['worker']>): PetrelOptions {
  const node: NodeOptions = { store, signal, worker, wasm: 'https://cdn.example/petrel.wasm' };
  const rpcs: readonly Rpc[] = ['https://rpc.example', requester];
  return { ...node, chains: refs, relays: lists, signers: { 10: hash }, l1, share: 'tabs', logger, proofs: { 10: rpcs }, unverified: ['eth_call'] };
}

export async function followed(given: PetrelOptions): Promise<readonly Status[]> {
  await using petrel: Petrel = await createPetrel(given);
  const chain: Chain = petrel.chain('base');
  const head: Head | null = chain.head;
  const wait: WaitOptions = given.signal ? { signal: given.signal } : {};
  const off = chain.on('reorg', ({ from, to, depth }: Reorg) => void [from, to, depth], wait);
  const heard = <K extends keyof Heard>(kind: K): (() => void) => chain.on(kind, (value: Heard[K]) => void value);
  [off, heard('head'), heard('block'), heard('event')].forEach((end) => end());
  await block(chain, 'full');
  await transaction(chain, wait);
  return head === null ? [] : petrel.status();
}

async function block<F extends TransactionForm>(chain: Chain, transactions: F): Promise<TransactionForms[F] | undefined> {
  const next: Block = await chain.nextBlock();
  const which: BlockOptions<F> = { transactions };
  const full: FullBlock<F> | null = await chain.block(next.number, which);
  const withdrawals: readonly Withdrawal[] | null | undefined = full?.withdrawals;
  const decoded: readonly Transaction[] | undefined = (await chain.block('latest', { transactions: 'full' }))?.transactions;
  const value: bigint | undefined = decoded?.[0]?.value;
  return value === undefined && withdrawals === null ? undefined : full?.transactions[0];
}

async function transaction(chain: Chain, wait: WaitOptions): Promise<Place> {
  const confirmed: TransactionOptions = { ...wait, confirmations: 2 };
  const sending: SendOptions = { ...confirmed, rpc: requester };
  const { block, state }: Inclusion = await chain.waitForTransaction(hash, confirmed);
  const ref: BlockRef = block;
  for await (const seen of chain.watchTransaction(hash, wait)) {
    const { state }: Sighting = seen;
    if (state === 'signed') return seen;
  }
  await chain.evidence(ref.number);
  return state === 'signed' ? chain.sendRawTransaction(hash, sending) : { block, index: 0 };
}

export async function asked({ provider }: { readonly provider: Provider }): Promise<readonly UpstreamCounts[]> {
  provider.on('message', ({ data }: ProviderEvents['message']) => void data.subscription);
  const answer: unknown = await provider.request({ method: 'eth_chainId' });
  return typeof answer === 'string' && provider.isVerified('eth_call') ? [] : provider.rpcs;
}

export async function one(chain: FollowerOptions['chain']): Promise<string> {
  const names: readonly ChainName[] = chains();
  const config: RollupConfig = await loadChain(names[0]?.id ?? 10);
  const follower: Follower = await createFollower({ chain, relays: [String(config.l2_chain_id)], store: indexedDbStore() });
  const buffer: StreamOptions = { buffer: 10 };
  const blocks: Feed<Block> = follower.blocks(buffer);
  for await (const { number, hash, signer } of blocks) return `${number} ${hash} ${signer ?? 'fetched'} ${blocks.missed}`;
  for await (const event of follower.events()) said(event);
  return status(await follower.status());
}

function said(event: FollowerEvent): string {
  switch (event.event) {
    case 'rpc_lied': {
      const { method, message }: Lie = event;
      return `${method}: ${message}`;
    }
    case 'rejected': {
      const fault: MessageFault | AnswerFault | string = event.fault;
      return fault;
    }
    default:
      return event.event;
  }
}

function status({ state, traffic, relays, peers, catchingUp, signerSource }: Status): string {
  const [now, carried, from]: [State, Traffic, SignerSource['from']] = [state, traffic, signerSource.from];
  const part: Carried | undefined = Object.values(carried.transports)[0];
  const todo: CatchingUp | null = catchingUp;
  const given: RelayStatus | undefined = relays[0];
  const peer: Peer | undefined = peers[0];
  return [now, part?.in, todo?.done, given?.state, peer?.peer, from].join();
}

export function failed(thrown: unknown, tried: readonly Tried[]): string {
  if (thrown instanceof PetrelError) {
    const code: ErrorCode = thrown.code;
    return `${code} ${thrown.remedy}`;
  }
  return thrown instanceof RpcError && thrown.code === RpcErrorCode.unsupported ? thrown.message : `${tried.length}`;
}

export async function judged(bytes: Uint8Array): Promise<VerifiedBlock | null> {
  const version: PayloadVersion = 'V4';
  const evidence: EvidenceOptions = { chain: viemChain };
  const message: VerifyOptions = { ...evidence, version, at: 'block' };
  const verification: Verification = await verify(bytes, message);
  const report: EvidenceReport = await judgeEvidence(bytes, evidence);
  const evidenceFault: EvidenceFault | null = report.fault;
  if (verification.verdict === 'accept') {
    const accepted: AcceptedMessage = verification;
    return accepted.block;
  }
  const { fault }: RefusedMessage = verification;
  const judgedFault: JudgedFault = fault;
  const code: VerifyCode = 'bad_options';
  throw new VerifyError({ code, message: `${judgedFault} ${evidenceFault ?? ''}`, remedy: '' });
}
