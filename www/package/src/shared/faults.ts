// The names of faults: the first rule that a message, or the answer to a request, breaks. The node's own names, which are stable.

/** The rules for every block, gossiped or fetched. */
type BlockFault =
  | 'too_large'
  | 'undecodable'
  | 'off_schedule'
  | 'number'
  | 'empty_transaction'
  | 'block_hash'
  | 'withdrawals'
  | 'blob_gas_used'
  | 'excess_blob_gas'
  | 'panicked';

/** Why a message was rejected or ignored. */
export type MessageFault =
  | BlockFault
  | 'snappy_header'
  | 'too_short'
  | 'snappy_body'
  | 'authored'
  | 'signature'
  | 'wrong_signer'
  | 'too_old'
  | 'too_new'
  | 'too_many_at_height'
  | 'seen'
  | 'rewritten_recovery_id'
  | 'rewritten_authored'
  | 'surplus'
  | 'no_signer'
  | 'retired'
  | 'late'
  | 'no_room';

/** Why evidence of an equivocation is not accepted: the form of the document, or the first rule that one of its messages breaks. */
export type EvidenceFault =
  | MessageFault
  | 'evidence_too_large'
  | 'bad_evidence'
  | 'other_chain'
  | 'other_height'
  | 'same_block'
  | 'misstated';

/** Why a response to a request for a block was not used. */
export type AnswerFault =
  | BlockFault
  | 'not_found'
  | 'refused'
  | 'failed'
  | 'result'
  | 'short'
  | 'version'
  | 'cut'
  | 'snappy'
  | 'unlinked'
  | 'timeout'
  | 'closed'
  | 'unsupported';
