package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/libp2p/go-libp2p"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/ethereum-optimism/optimism/op-node/p2p"
)

const meshsub = protocol.ID("/meshsub/1.1.0")

// A gossip message that is sent without validation, and the peers that get it in addition to this op-node. Bytes are
// 0x-hex. A missing field is absent from the protobuf, an empty one is present and empty.
type rawMessage struct {
	To        []string      `json:"to"`
	Topic     string        `json:"topic"`
	Data      hexutil.Bytes `json:"data"`
	From      hexutil.Bytes `json:"from"`
	Seqno     hexutil.Bytes `json:"seqno"`
	Signature hexutil.Bytes `json:"signature"`
	Key       hexutil.Bytes `json:"key"`
}

// rawPeer is a peer with its own identity, so that no verdict depends on an earlier message. It stays connected until the
// next message, because the receivers may still answer it.
type rawPeer struct{ host host.Host }

func (p *rawPeer) close() {
	if p != nil {
		_ = p.host.Close()
	}
}

// send writes the message to a gossip stream of each receiver.
func (m rawMessage) send(ctx context.Context, self host.Host) (*rawPeer, error) {
	rpc := pb.RPC{Publish: []*pb.Message{{
		From: m.From, Data: m.Data, Seqno: m.Seqno, Topic: &m.Topic, Signature: m.Signature, Key: m.Key,
	}}}
	frame, err := framed(&rpc)
	if err != nil {
		return nil, err
	}
	// go-libp2p's dial timeout for loopback is five seconds.
	timeout := libp2p.SwarmOpts(swarm.WithDialTimeoutLocal(time.Minute))
	h, err := libp2p.New(libp2p.NoListenAddrs, p2p.YamuxC(), p2p.NoiseC(), libp2p.DisableRelay(), timeout)
	if err != nil {
		return nil, err
	}
	p := &rawPeer{h}
	// Messages of the receivers are read and dropped.
	h.SetStreamHandler(meshsub, func(stream network.Stream) { _, _ = io.Copy(io.Discard, stream) })
	emit(rawSent{"raw_sent", h.ID().String()})
	targets := []peer.AddrInfo{{ID: self.ID(), Addrs: self.Addrs()}}
	for _, text := range m.To {
		address, err := ma.NewMultiaddr(text)
		if err != nil {
			return p, err
		}
		info, err := peer.AddrInfoFromP2pAddr(address)
		if err != nil {
			return p, err
		}
		targets = append(targets, *info)
	}
	for _, target := range targets {
		if err := p.write(ctx, target, frame); err != nil {
			return p, fmt.Errorf("to %s: %w", target.ID, err)
		}
	}
	return p, nil
}

func (p *rawPeer) write(ctx context.Context, to peer.AddrInfo, frame []byte) error {
	if err := p.host.Connect(ctx, to); err != nil {
		return err
	}
	stream, err := p.host.NewStream(ctx, to.ID, meshsub)
	if err != nil {
		return err
	}
	_, err = stream.Write(frame)
	return err
}

// framed is the RPC with its length prefix, as pubsub frames it.
func framed(rpc *pb.RPC) ([]byte, error) {
	body, err := rpc.Marshal()
	if err != nil {
		return nil, err
	}
	return append(binary.AppendUvarint(nil, uint64(len(body))), body...), nil
}
