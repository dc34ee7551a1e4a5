// The peer: op-node's own p2p package behind a line protocol, for the interop tests.
//
// For its peers it is a complete op-node (host, gossip with its validators, both sides of payload_by_number), without an
// engine and without L1. It reads one JSON command per line from standard input (see command), and writes one JSON event
// per line to standard output (see events.go). It exits at the end of its standard input.
//
// Reading order: main.go (flags, commands), node.go (composes op-node's parts), chain.go (the blocks that it builds and
// serves), raw_message.go (messages that op-node would not send), events.go (its events).
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/log"
)

// One line of standard input.
type command struct {
	// "publish", "send_raw", "fetch", "connect" or "score".
	Do string `json:"do"`
	// publish: the block to build; see chain.go.
	Block *blockSpec `json:"block"`
	// send_raw: the message to send unchanged; see raw_message.go.
	Raw *rawMessage `json:"raw"`
	// fetch: the range to request from peers; see chain.go.
	Fetch *fetchSpec `json:"fetch"`
	// connect: the multiaddr to dial.
	Address string `json:"address"`
	// score: the peer; the answer is the event "score".
	Peer string `json:"peer"`
}

type flags struct {
	rollup, signer, sequencerKey, hostKey string
	dump                                  string
	port                                  uint
	// Whether peers are discovered by discv5, and the boot nodes.
	discover  bool
	bootnodes string
	// Whether peers are scored and banned, as op-node does by default.
	scoring   bool
	threshold time.Duration
	verbose   bool
}

func parseFlags() flags {
	var f flags
	flag.StringVar(&f.rollup, "rollup", "", "op-node's rollup.json")
	flag.StringVar(&f.signer, "signer", "", "the address that signs unsafe blocks")
	flag.StringVar(&f.sequencerKey, "sequencer-key", "", "hex key with which published blocks are signed")
	flag.StringVar(&f.hostKey, "host-key", "", "hex secp256k1 key of the peer's identity")
	flag.StringVar(&f.dump, "dump", "", "a folder for every new message, as on the wire")
	flag.UintVar(&f.port, "port", 0, "TCP port on loopback; 0 lets the system choose")
	flag.BoolVar(&f.discover, "discover", false, "discover peers by discv5, on a UDP port that the system chooses")
	flag.StringVar(&f.bootnodes, "bootnodes", "", "records (enr:…) of boot nodes, comma separated")
	flag.BoolVar(&f.scoring, "scoring", false, "score and ban peers with op-node's defaults")
	flag.DurationVar(&f.threshold, "threshold", time.Minute, "maximum age of a gossiped block")
	flag.BoolVar(&f.verbose, "verbose", false, "op-node's own logs on standard error")
	flag.Parse()
	return f
}

func main() {
	f := parseFlags()
	level := log.LevelCrit
	if f.verbose {
		level = log.LevelDebug
	}
	logger := log.NewLogger(log.NewTerminalHandlerWithLevel(os.Stderr, level, false))
	if err := run(f, logger); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(f flags, logger log.Logger) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	rollup, err := readRollup(f.rollup)
	if err != nil {
		return err
	}
	key, err := crypto.HexToECDSA(f.sequencerKey)
	if err != nil {
		return fmt.Errorf("sequencer-key: %w", err)
	}
	chain := newChain(rollup, key)
	node, err := start(ctx, f, rollup, common.HexToAddress(f.signer), chain, logger)
	if err != nil {
		return err
	}
	defer node.close()
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var c command
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("not a command: %w", err)
		}
		if err := node.execute(ctx, c); err != nil {
			emit(failed{Event: "failed", Do: c.Do, Error: err.Error()})
		}
	}
}
