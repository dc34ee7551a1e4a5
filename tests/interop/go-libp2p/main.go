// A go-libp2p host behind a line protocol, for the interop tests: all transports that Petrel has, gossipsub with op-node's
// parameters, and payload_by_number with given responses.
//
// It reads one JSON command per line from standard input (see command), and writes one JSON event per line to standard
// output (see event). Blocks are files; it validates nothing. It exits at the end of its standard input. Two go.mod files
// build it with two versions of go-libp2p (see go.mod and newest.mod).
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// One line of standard input.
type command struct {
	// "dial", "publish", "serve" or "ask".
	Do string `json:"do"`
	// dial: the multiaddr with the peer id.
	Address string `json:"address"`
	// publish: the message, compressed as on the wire. serve: the whole response. ask: where the response is written.
	File string `json:"file"`
	// serve, ask: the number of the block.
	Number uint64 `json:"number"`
	// ask: the peer.
	Peer string `json:"peer"`
}

// One line of standard output.
type event struct {
	// "listening", "connected", "gone", "joined", "message", "serving", "answered" or "failed".
	Event   string `json:"event"`
	Address string `json:"address,omitempty"`
	Peer    string `json:"peer,omitempty"`
	Topic   string `json:"topic,omitempty"`
	// message: SHA-256 of the compressed message.
	Digest string `json:"digest,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`
	Do     string `json:"do,omitempty"`
	Error  string `json:"error,omitempty"`
}

var out sync.Mutex

func emit(e event) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		os.Exit(0) // the reader has closed the pipe
	}
}

func main() {
	listen := flag.String("listen", "", "the multiaddr to listen on; none by default")
	topic := flag.String("topic", "", "the topic to join")
	protocol := flag.String("protocol", "", "the name of payload_by_number")
	flag.Parse()
	if err := run(*listen, *topic, *protocol); err != nil {
		fmt.Fprintln(os.Stderr, "go-libp2p:", err)
		os.Exit(1)
	}
}

func run(listen, topic, protocol string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	addresses := libp2p.NoListenAddrs
	if listen != "" {
		addresses = libp2p.ListenAddrStrings(listen)
	}
	// go-libp2p's default transports; its dial timeout for loopback is five seconds.
	host, err := libp2p.New(addresses, libp2p.DisableRelay(), libp2p.SwarmOpts(swarm.WithDialTimeoutLocal(time.Minute)))
	if err != nil {
		return err
	}
	defer host.Close()
	host.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) {
			emit(event{Event: "connected", Peer: c.RemotePeer().String(), Address: c.RemoteMultiaddr().String()})
		},
		DisconnectedF: func(_ network.Network, c network.Conn) {
			emit(event{Event: "gone", Peer: c.RemotePeer().String()})
		},
	})
	gossip, err := join(ctx, host, topic)
	if err != nil {
		return err
	}
	blocks := serve(host, protocol)
	for _, address := range host.Addrs() {
		if strings.Contains(address.String(), "/certhash/") || !strings.Contains(listen, "/webtransport") {
			emit(event{Event: "listening", Address: fmt.Sprintf("%s/p2p/%s", address, host.ID())})
		}
	}
	execute := func(c command) error {
		switch c.Do {
		case "dial":
			address, err := ma.NewMultiaddr(c.Address)
			if err != nil {
				return err
			}
			info, err := peer.AddrInfoFromP2pAddr(address)
			if err != nil {
				return err
			}
			return host.Connect(ctx, *info)
		case "publish":
			data, err := os.ReadFile(c.File)
			if err != nil {
				return err
			}
			return gossip.Publish(ctx, data)
		case "serve":
			if err := blocks.add(c.Number, c.File); err != nil {
				return err
			}
			emit(event{Event: "serving"})
			return nil
		case "ask":
			answer, err := blocks.ask(ctx, host, c.Peer, c.Number)
			if err != nil {
				return err
			}
			if err := os.WriteFile(c.File, answer, 0o644); err != nil {
				return err
			}
			emit(event{Event: "answered", Bytes: len(answer)})
			return nil
		}
		return errors.New("not a command")
	}
	lines := bufio.NewReader(os.Stdin)
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
		if err := execute(c); err != nil {
			emit(event{Event: "failed", Do: c.Do, Error: err.Error()})
		}
	}
}

// digest is the SHA-256 of a message, as hex.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
