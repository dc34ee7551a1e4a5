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

// A gossip message as it goes on the wire, whatever is wrong with it, and who gets it beside this op-node itself. Bytes
// are 0x-hex. A field that is left out is absent from the protobuf, an empty one is there and empty.
type spoilSpec struct {
	To        []string      `json:"to"`
	Topic     string        `json:"topic"`
	Data      hexutil.Bytes `json:"data"`
	From      hexutil.Bytes `json:"from"`
	Seqno     hexutil.Bytes `json:"seqno"`
	Signature hexutil.Bytes `json:"signature"`
	Key       hexutil.Bytes `json:"key"`
}

// liar is a peer with an identity of its own, so that no judgement depends on an earlier message. It lives until the
// next one, for whoever still answers it.
type liar struct{ host host.Host }

func (l *liar) close() {
	if l != nil {
		_ = l.host.Close()
	}
}

// send writes the message on a gossip stream to everybody.
func (s spoilSpec) send(ctx context.Context, self host.Host) (*liar, error) {
	rpc := pb.RPC{Publish: []*pb.Message{{
		From: s.From, Data: s.Data, Seqno: s.Seqno, Topic: &s.Topic, Signature: s.Signature, Key: s.Key,
	}}}
	frame, err := framed(&rpc)
	if err != nil {
		return nil, err
	}
	// To loopback it would dial for five seconds alone.
	patience := libp2p.SwarmOpts(swarm.WithDialTimeoutLocal(time.Minute))
	h, err := libp2p.New(libp2p.NoListenAddrs, p2p.YamuxC(), p2p.NoiseC(), libp2p.DisableRelay(), patience)
	if err != nil {
		return nil, err
	}
	l := &liar{h}
	// What they gossip to us is read and thrown away.
	h.SetStreamHandler(meshsub, func(stream network.Stream) { _, _ = io.Copy(io.Discard, stream) })
	tell(spoilt{"spoilt", h.ID().String()})
	targets := []peer.AddrInfo{{ID: self.ID(), Addrs: self.Addrs()}}
	for _, text := range s.To {
		address, err := ma.NewMultiaddr(text)
		if err != nil {
			return l, err
		}
		info, err := peer.AddrInfoFromP2pAddr(address)
		if err != nil {
			return l, err
		}
		targets = append(targets, *info)
	}
	for _, target := range targets {
		if err := l.write(ctx, target, frame); err != nil {
			return l, fmt.Errorf("to %s: %w", target.ID, err)
		}
	}
	return l, nil
}

func (l *liar) write(ctx context.Context, to peer.AddrInfo, frame []byte) error {
	if err := l.host.Connect(ctx, to); err != nil {
		return err
	}
	stream, err := l.host.NewStream(ctx, to.ID, meshsub)
	if err != nil {
		return err
	}
	_, err = stream.Write(frame)
	return err
}

// framed is the RPC behind its length, as pubsub frames it.
func framed(rpc *pb.RPC) ([]byte, error) {
	body, err := rpc.Marshal()
	if err != nil {
		return nil, err
	}
	return append(binary.AppendUvarint(nil, uint64(len(body))), body...), nil
}
