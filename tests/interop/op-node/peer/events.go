package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// The peer listens here.
type listening struct {
	Event   string `json:"event"` // "listening"
	Address string `json:"address"`
}

// A peer is in the mesh of a topic.
type grafted struct {
	Event string `json:"event"` // "grafted"
	Peer  string `json:"peer"`
	Topic string `json:"topic"`
}

// What op-node's gossip made of a message.
type verdict struct {
	Event   string `json:"event"` // "verdict"
	Peer    string `json:"peer"`
	Topic   string `json:"topic"`
	Verdict string `json:"verdict"` // "accept", "reject", "ignore", "duplicate", or pubsub's own word
	Reason  string `json:"reason,omitempty"`
	ID      string `json:"id"`
}

// A block reached the node, by gossip or by payload_by_number.
type block struct {
	Event  string `json:"event"` // "block"
	Peer   string `json:"peer"`
	Number uint64 `json:"number"`
	Hash   string `json:"hash"`
}

// A block was made and published.
type published struct {
	Event  string `json:"event"` // "published"
	Number uint64 `json:"number"`
	Hash   string `json:"hash"`
}

// A spoilt message is on its way from this identity.
type spoilt struct {
	Event string `json:"event"` // "spoilt"
	Peer  string `json:"peer"`
}

// Our own discovery record.
type record struct {
	Event  string `json:"event"` // "record"
	Record string `json:"record"`
}

// A peer's gossip stream opened or closed.
type passing struct {
	Event string `json:"event"` // "came" or "gone"
	Peer  string `json:"peer"`
}

// What a peer has earned, and whether it is connected.
type score struct {
	Event         string  `json:"event"` // "score"
	Peer          string  `json:"peer"`
	Score         float64 `json:"score"`
	Connectedness string  `json:"connectedness"`
}

// A command could not be obeyed.
type failed struct {
	Event string `json:"event"` // "failed"
	Do    string `json:"do"`
	Error string `json:"error"`
}

var out sync.Mutex

// tell writes one event as one line.
func tell(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		os.Exit(0) // nobody listens any more
	}
}

// tracer tells what pubsub decides, from its own hooks.
type tracer struct {
	self peer.ID
	// Where new messages are kept; "" for nowhere.
	dump  string
	count atomic.Uint64
}

var _ pubsub.RawTracer = (*tracer)(nil)

func (t *tracer) tell(m *pubsub.Message, word, reason string) {
	if m.ReceivedFrom == t.self {
		return
	}
	tell(verdict{"verdict", m.ReceivedFrom.String(), m.GetTopic(), word, reason, hex.EncodeToString([]byte(m.ID))})
}

func (t *tracer) DeliverMessage(m *pubsub.Message)   { t.tell(m, "accept", "") }
func (t *tracer) DuplicateMessage(m *pubsub.Message) { t.tell(m, "duplicate", "") }

func (t *tracer) RejectMessage(m *pubsub.Message, reason string) {
	switch reason {
	case pubsub.RejectValidationFailed:
		t.tell(m, "reject", "validator")
	case pubsub.RejectUnexpectedSignature, pubsub.RejectUnexpectedAuthInfo:
		t.tell(m, "reject", reason)
	case pubsub.RejectValidationIgnored:
		t.tell(m, "ignore", "validator")
	default:
		t.tell(m, reason, "")
	}
}

func (t *tracer) Graft(p peer.ID, topic string)    { tell(grafted{"grafted", p.String(), topic}) }
func (t *tracer) AddPeer(p peer.ID, _ protocol.ID) { tell(passing{"came", p.String()}) }
func (t *tracer) RemovePeer(p peer.ID)             { tell(passing{"gone", p.String()}) }
func (t *tracer) Join(string)                      {}
func (t *tracer) Leave(string)                     {}
func (t *tracer) Prune(peer.ID, string)            {}

// ValidateMessage is called once for each message that is new, before it is judged.
func (t *tracer) ValidateMessage(m *pubsub.Message) {
	if t.dump == "" {
		return
	}
	name := filepath.Join(t.dump, fmt.Sprintf("%06d.snappy", t.count.Add(1)))
	// Whole or not at all, whenever we are ended.
	err := os.WriteFile(name+".part", m.Data, 0o644)
	if err == nil {
		err = os.Rename(name+".part", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
	}
}

func (t *tracer) ThrottlePeer(peer.ID)                 {}
func (t *tracer) RecvRPC(*pubsub.RPC)                  {}
func (t *tracer) SendRPC(*pubsub.RPC, peer.ID)         {}
func (t *tracer) DropRPC(*pubsub.RPC, peer.ID)         {}
func (t *tracer) UndeliverableMessage(*pubsub.Message) {}
