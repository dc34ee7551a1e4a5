package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/golang/snappy"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
)

// Maximum bytes of a message and of an RPC (op-node: maxGossipSize).
const maxMessage = 10 << 20

// join joins the topic with op-node's parameters and emits received messages.
func join(ctx context.Context, h host.Host, name string) (*pubsub.Topic, error) {
	params := pubsub.DefaultGossipSubParams()
	params.HeartbeatInterval = 500 * time.Millisecond
	gossip, err := pubsub.NewGossipSub(ctx, h,
		pubsub.WithMaxMessageSize(maxMessage),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithFloodPublish(true),
		pubsub.WithGossipSubParams(params),
	)
	if err != nil {
		return nil, err
	}
	topic, err := gossip.Join(name)
	if err != nil {
		return nil, err
	}
	events, err := topic.EventHandler()
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			e, err := events.NextPeerEvent(ctx)
			if err != nil {
				return
			}
			if e.Type == pubsub.PeerJoin {
				emit(event{Event: "joined", Peer: e.Peer.String(), Topic: name})
			}
		}
	}()
	subscription, err := topic.Subscribe()
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			m, err := subscription.Next(ctx)
			if err != nil {
				return
			}
			if m.ReceivedFrom != h.ID() {
				emit(event{Event: "message", Peer: m.ReceivedFrom.String(), Digest: digest(m.Data), Bytes: len(m.Data)})
			}
		}
	}()
	return topic, nil
}

// messageID is op-node's message id.
func messageID(m *pb.Message) string {
	domain, data := [4]byte{1, 0, 0, 0}, m.Data
	if size, err := snappy.DecodedLen(m.Data); err != nil || size > maxMessage {
		domain[0] = 0
	} else if plain, err := snappy.Decode(nil, m.Data); err != nil {
		domain[0] = 0
	} else {
		data = plain
	}
	sum := sha256.New()
	sum.Write(domain[:])
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(m.GetTopic())))
	sum.Write(length[:])
	sum.Write([]byte(m.GetTopic()))
	sum.Write(data)
	return string(sum.Sum(nil)[:20])
}
