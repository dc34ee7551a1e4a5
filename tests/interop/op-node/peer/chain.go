package main

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/ethereum-optimism/optimism/op-node/p2p"
	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-service/eth"
	opsigner "github.com/ethereum-optimism/optimism/op-service/signer"
)

// Maximum number of blocks that are stored for serving.
const kept = 4096

// chain builds blocks with op-node's own types, and stores all blocks that it has seen to serve them.
type chain struct {
	rollup *rollup.Config
	signer *opsigner.LocalSigner
	mutex  sync.Mutex
	blocks map[uint64]*eth.ExecutionPayloadEnvelope
	tip    common.Hash
}

// A block to build.
type blockSpec struct {
	Number       uint64          `json:"number"`
	Timestamp    uint64          `json:"timestamp"`
	ExtraData    hexutil.Bytes   `json:"extraData"`
	Transactions []hexutil.Bytes `json:"transactions"`
	// The block is served but not gossiped.
	Quiet bool `json:"quiet"`
}

func newChain(cfg *rollup.Config, key *ecdsa.PrivateKey) *chain {
	return &chain{rollup: cfg, signer: opsigner.NewLocalSigner(key), blocks: map[uint64]*eth.ExecutionPayloadEnvelope{}}
}

// publish builds the block in the encoding of its timestamp, signs it and gossips it as op-node's sequencer does.
func (c *chain) publish(ctx context.Context, spec blockSpec, gossip p2p.GossipOut) error {
	envelope := c.make(spec)
	payload := envelope.ExecutionPayload
	payload.BlockHash, _ = envelope.CheckBlockHash()
	c.keep(envelope)
	if !spec.Quiet {
		if err := gossip.SignAndPublishL2Payload(ctx, envelope, c.signer); err != nil {
			return err
		}
	}
	c.tip = payload.BlockHash
	emit(published{"published", spec.Number, payload.BlockHash.Hex()})
	return nil
}

func (c *chain) make(spec blockSpec) *eth.ExecutionPayloadEnvelope {
	payload := &eth.ExecutionPayload{
		ParentHash:    c.tip,
		FeeRecipient:  common.HexToAddress("0x4200000000000000000000000000000000000011"),
		BlockNumber:   eth.Uint64Quantity(spec.Number),
		GasLimit:      60_000_000,
		GasUsed:       21_000,
		Timestamp:     eth.Uint64Quantity(spec.Timestamp),
		ExtraData:     eth.BytesMax32(spec.ExtraData),
		BaseFeePerGas: eth.Uint256Quantity(*uint256.NewInt(252)),
	}
	for _, transaction := range spec.Transactions {
		payload.Transactions = append(payload.Transactions, eth.Data(transaction))
	}
	envelope := &eth.ExecutionPayloadEnvelope{ExecutionPayload: payload}
	if c.rollup.IsCanyon(spec.Timestamp) {
		payload.Withdrawals = &types.Withdrawals{}
	}
	if c.rollup.IsEcotone(spec.Timestamp) {
		var none eth.Uint64Quantity
		payload.BlobGasUsed, payload.ExcessBlobGas = &none, &none
		envelope.ParentBeaconBlockRoot = &common.Hash{0xbe}
	}
	if c.rollup.IsIsthmus(spec.Timestamp) {
		payload.WithdrawalsRoot = &common.Hash{0xaa}
	}
	return envelope
}

func (c *chain) keep(envelope *eth.ExecutionPayloadEnvelope) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.blocks) < kept {
		c.blocks[uint64(envelope.ExecutionPayload.BlockNumber)] = envelope
	}
}

// PayloadByNumber is called by op-node's server. There is no payload of genesis.
func (c *chain) PayloadByNumber(_ context.Context, number uint64) (*eth.ExecutionPayloadEnvelope, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if envelope, ok := c.blocks[number]; ok {
		return envelope, nil
	}
	return nil, ethereum.NotFound
}

// A range to fetch: all blocks between two blocks with known hashes.
type fetchSpec struct {
	Start refSpec `json:"start"`
	End   refSpec `json:"end"`
}

type refSpec struct {
	Number uint64      `json:"number"`
	Hash   common.Hash `json:"hash"`
	Parent common.Hash `json:"parent"`
}

func (f fetchSpec) run(ctx context.Context, stack *p2p.NodeP2P) error {
	if f.End.Number <= f.Start.Number {
		return fmt.Errorf("the range ends at %d and begins at %d", f.End.Number, f.Start.Number)
	}
	return stack.RequestL2Range(ctx, f.Start.ref(), f.End.ref())
}

func (r refSpec) ref() eth.L2BlockRef {
	return eth.L2BlockRef{Number: r.Number, Hash: r.Hash, ParentHash: r.Parent}
}
