package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/p2p/enode"
	ds "github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ethereum-optimism/optimism/op-node/metrics"
	"github.com/ethereum-optimism/optimism/op-node/p2p"
	"github.com/ethereum-optimism/optimism/op-node/rollup"
	"github.com/ethereum-optimism/optimism/op-service/eth"
)

// node is op-node's p2p stack with the state of the commands.
type node struct {
	p2p     *p2p.NodeP2P
	chain   *chain
	rawPeer *rawPeer
}

func readRollup(file string) (*rollup.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var config rollup.Config
	return &config, json.Unmarshal(text, &config)
}

// start starts op-node's stack with its defaults on loopback. Discovery and scores are off unless a flag enables them:
// several peers share one address here, for which op-node's IP colocation score would penalise them.
func start(ctx context.Context, f flags, cfg *rollup.Config, signer common.Address, chain *chain, logger log.Logger) (*node, error) {
	secret, err := hex.DecodeString(f.hostKey)
	if err != nil {
		return nil, fmt.Errorf("host-key: %w", err)
	}
	key, err := crypto.UnmarshalSecp256k1PrivateKey(secret)
	if err != nil {
		return nil, fmt.Errorf("host-key: %w", err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	config := &p2p.Config{
		Priv:                     key.(*crypto.Secp256k1PrivateKey),
		NoDiscovery:              !f.discover,
		ListenIP:                 net.IPv4(127, 0, 0, 1),
		ListenTCPPort:            uint16(f.port),
		HostMux:                  []libp2p.Option{p2p.YamuxC(), p2p.MplexC()},
		HostSecurity:             []libp2p.Option{p2p.NoiseC()},
		PeersLo:                  20,
		PeersHi:                  30,
		PeersGrace:               30 * time.Second,
		MeshD:                    p2p.DefaultMeshD,
		MeshDLo:                  p2p.DefaultMeshDlo,
		MeshDHi:                  p2p.DefaultMeshDhi,
		MeshDLazy:                p2p.DefaultMeshDlazy,
		GossipTimestampThreshold: f.threshold,
		UserAgent:                "optimism",
		TimeoutDial:              10 * time.Second,
		Store:                    dssync.MutexWrap(ds.NewMapDatastore()),
		EnableReqRespSync:        true,
	}
	if err := configure(config, f, cfg); err != nil {
		return nil, err
	}
	stack, err := p2p.NewNodeP2P(ctx, cfg, logger, traced{config, &tracer{self: id, dump: f.dump}}, chain, chain, fixedSigner(signer), metrics.NoopMetrics, nil)
	if err != nil {
		return nil, err
	}
	for _, address := range stack.Host().Addrs() {
		emit(listening{"listening", fmt.Sprintf("%s/p2p/%s", address, id)})
	}
	if f.discover {
		emit(record{"record", stack.Dv5Local().Node().String()})
		go stack.DiscoveryProcess(ctx, logger, cfg, config.TargetPeers())
	}
	return &node{p2p: stack, chain: chain}, nil
}

// configure adds discovery and scores, as op-node's flags would.
func configure(config *p2p.Config, f flags, cfg *rollup.Config) error {
	if f.discover {
		db, err := enode.OpenDB("")
		if err != nil {
			return err
		}
		config.DiscoveryDB = db
		config.AdvertiseIP = config.ListenIP
		for _, text := range strings.FieldsFunc(f.bootnodes, func(c rune) bool { return c == ',' }) {
			boot, err := enode.Parse(enode.ValidSchemes, text)
			if err != nil {
				return fmt.Errorf("bootnodes: %w", err)
			}
			config.Bootnodes = append(config.Bootnodes, boot)
		}
	}
	if f.scoring {
		params, err := p2p.GetScoringParams("light", cfg.BlockTime)
		if err != nil {
			return err
		}
		config.ScoringParams = params
		config.BanningEnabled, config.BanningThreshold, config.BanningDuration = true, -100, time.Hour
	}
	return nil
}

func (n *node) close() {
	n.rawPeer.close()
	_ = n.p2p.Close()
}

func (n *node) execute(ctx context.Context, c command) error {
	switch {
	case c.Do == "publish" && c.Block != nil:
		return n.chain.publish(ctx, *c.Block, n.p2p.GossipOut())
	case c.Do == "fetch" && c.Fetch != nil:
		return c.Fetch.run(ctx, n.p2p)
	case c.Do == "connect":
		address, err := ma.NewMultiaddr(c.Address)
		if err != nil {
			return err
		}
		info, err := peer.AddrInfoFromP2pAddr(address)
		if err != nil {
			return err
		}
		return n.p2p.Host().Connect(ctx, *info)
	case c.Do == "score":
		id, err := peer.Decode(c.Peer)
		if err != nil {
			return err
		}
		points, err := n.p2p.GetPeerScore(id)
		if err != nil {
			return err
		}
		emit(score{"score", c.Peer, points, n.p2p.Host().Network().Connectedness(id).String()})
		return nil
	case c.Do == "send_raw" && c.Raw != nil:
		n.rawPeer.close()
		var err error
		n.rawPeer, err = c.Raw.send(ctx, n.p2p.Host())
		return err
	default:
		return errors.New("not a command")
	}
}

// traced is op-node's configuration with one more pubsub option.
type traced struct {
	*p2p.Config
	tracer *tracer
}

func (t traced) ConfigureGossip(cfg *rollup.Config) []pubsub.Option {
	return append(t.Config.ConfigureGossip(cfg), pubsub.WithRawTracer(t.tracer))
}

// fixedSigner replaces the signer that op-node reads from L1.
type fixedSigner common.Address

func (b fixedSigner) P2PSequencerAddress() common.Address         { return common.Address(b) }
func (b fixedSigner) PreviousP2PSequencerAddress() common.Address { return common.Address{} }
func (b fixedSigner) ConfirmCurrentSigner()                       {}

// OnUnsafeL2Payload receives the blocks of gossip and payload_by_number.
func (c *chain) OnUnsafeL2Payload(_ context.Context, from peer.ID, envelope *eth.ExecutionPayloadEnvelope) error {
	c.keep(envelope)
	emit(block{"block", from.String(), uint64(envelope.ExecutionPayload.BlockNumber), envelope.ExecutionPayload.BlockHash.Hex()})
	return nil
}
