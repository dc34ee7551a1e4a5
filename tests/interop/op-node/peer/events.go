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

// The verdict of op-node's gossip on a message.
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

// A block was built and published.
type published struct {
	Event  string `json:"event"` // "published"
	Number uint64 `json:"number"`
	Hash   string `json:"hash"`
}

// A raw message is being sent from this identity.
type rawSent struct {
	Event string `json:"event"` // "raw_sent"
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

// A peer's score, and whether it is connected.
type score struct {
	Event         string  `json:"event"` // "score"
	Peer          string  `json:"peer"`
	Score         float64 `json:"score"`
	Connectedness string  `json:"connectedness"`
}

// A command failed.
type failed struct {
	Event string `json:"event"` // "failed"
	Do    string `json:"do"`
	Error string `json:"error"`
}

var out sync.Mutex

// emit writes one event as one line.
func emit(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		os.Exit(0) // the reader has closed the pipe
	}
}

// tracer emits pubsub's verdicts, from its own hooks.
type tracer struct {
	self peer.ID
	// The folder of new messages; "" for none.
	dump  string
	count atomic.Uint64
}

var _ pubsub.RawTracer = (*tracer)(nil)

func (t *tracer) emit(m *pubsub.Message, word, reason string) {
	if m.ReceivedFrom == t.self {
		return
	}
	emit(verdict{"verdict", m.ReceivedFrom.String(), m.GetTopic(), word, reason, hex.EncodeToString([]byte(m.ID))})
}

func (t *tracer) DeliverMessage(m *pubsub.Message)   { t.emit(m, "accept", "") }
func (t *tracer) DuplicateMessage(m *pubsub.Message) { t.emit(m, "duplicate", "") }

func (t *tracer) RejectMessage(m *pubsub.Message, reason string) {
	switch reason {
	case pubsub.RejectValidationFailed:
		t.emit(m, "reject", "validator")
	case pubsub.RejectUnexpectedSignature, pubsub.RejectUnexpectedAuthInfo:
		t.emit(m, "reject", reason)
	case pubsub.RejectValidationIgnored:
		t.emit(m, "ignore", "validator")
	default:
		t.emit(m, reason, "")
	}
}

func (t *tracer) Graft(p peer.ID, topic string)    { emit(grafted{"grafted", p.String(), topic}) }
func (t *tracer) AddPeer(p peer.ID, _ protocol.ID) { emit(passing{"came", p.String()}) }
func (t *tracer) RemovePeer(p peer.ID)             { emit(passing{"gone", p.String()}) }
func (t *tracer) Join(string)                      {}
func (t *tracer) Leave(string)                     {}
func (t *tracer) Prune(peer.ID, string)            {}

// ValidateMessage is called once for each new message, before its validation.
func (t *tracer) ValidateMessage(m *pubsub.Message) {
	if t.dump == "" {
		return
	}
	name := filepath.Join(t.dump, fmt.Sprintf("%06d.snappy", t.count.Add(1)))
	// So that the file is complete or absent, whenever the process is killed.
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
