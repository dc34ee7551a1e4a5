package main

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Maximum bytes of a response.
const maxAnswer = maxMessage + 1024

// The timeout of a response, on either side.
const timeout = 30 * time.Second

// blocks are the responses of payload_by_number, as on the wire.
type blocks struct {
	protocol protocol.ID
	mutex    sync.Mutex
	answers  map[uint64][]byte
}

func serve(h host.Host, name string) *blocks {
	b := &blocks{protocol: protocol.ID(name), answers: map[uint64][]byte{}}
	h.SetStreamHandler(b.protocol, func(stream network.Stream) {
		defer stream.Close()
		_ = stream.SetDeadline(time.Now().Add(timeout))
		var number [8]byte
		if _, err := io.ReadFull(stream, number[:]); err != nil {
			return
		}
		_, _ = stream.Write(b.answer(binary.LittleEndian.Uint64(number[:])))
	})
	return b
}

func (b *blocks) add(number uint64, file string) error {
	answer, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.answers[number] = answer
	return nil
}

// answer is the response for this number, or the byte for "not found".
func (b *blocks) answer(number uint64) []byte {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if answer, ok := b.answers[number]; ok {
		return answer
	}
	return []byte{1}
}

func (b *blocks) ask(ctx context.Context, h host.Host, who string, number uint64) ([]byte, error) {
	id, err := peer.Decode(who)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stream, err := h.NewStream(ctx, id, b.protocol)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	_ = stream.SetDeadline(time.Now().Add(timeout))
	if _, err := stream.Write(binary.LittleEndian.AppendUint64(nil, number)); err != nil {
		return nil, err
	}
	if err := stream.CloseWrite(); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(stream, maxAnswer))
}
