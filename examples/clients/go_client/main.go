// A client of acton for Go 1.23 or later. It needs the standard library only.
//
//	go run examples/clients/go_client/main.go [SOCKET]
//
// runs the demonstration at the end of this file against the demo services (`npm start`).
//
// Left out: connecting anew when the connection is lost, and keep-alive frames (the server closes what is idle for 30 s).
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	itemsAhead    = 64  // Items of a stream that may wait here for their reader; then the agent waits.
	pushesMax     = 256 // Pushes that may wait here for their reader; then the newest are lost.
	frameBytesMax = 1 << 24
)

// Error is what the server answered instead of a reply. Code is one of the codes in docs/protocol.md.
type Error struct {
	Code       string
	Text       string
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Text }

// Push is one broadcast message.
type Push struct {
	Type    string          `json:"message_type"`
	Payload json.RawMessage `json:"payload"`
	Seq     int64           `json:"seq"`
	Dropped int64           `json:"dropped"` // Pushes of this connection lost since the last one.
}

// frame is anything that the server sends.
type frame struct {
	Push
	RequestID        *string  `json:"request_id"`
	NotificationType string   `json:"notification_type"`
	Success          *bool    `json:"success"`
	IsFinal          *bool    `json:"is_final"` // In the frames of a stream only.
	Text             string   `json:"error"`
	Code             string   `json:"error_code"`
	RetryAfterMs     int64    `json:"retry_after_ms"`
	RejectedTypes    []string `json:"rejected_types"`
}

func (f frame) err() error {
	if f.Code == "" {
		return nil
	}
	return &Error{f.Code, f.Text, time.Duration(f.RetryAfterMs) * time.Millisecond}
}

func (f frame) last() bool { return f.IsFinal == nil || *f.IsFinal }

type fields map[string]any

// Client is one connection. Its methods may be called from any goroutine: each call has its own request id.
type Client struct {
	conn    net.Conn
	writing sync.Mutex // A frame goes out whole.

	mu          sync.Mutex // Guards what is below.
	lastID      int
	calls       map[string]chan frame
	subscribers map[chan frame][]string
	failure     error // Why the connection has ended.
}

func Dial(path string) (*Client, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, calls: map[string]chan frame{}, subscribers: map[chan frame][]string{}}
	go func() { c.end(c.read()) }()
	return c, nil
}

// Close ends every open call.
func (c *Client) Close() { c.end(errors.New("the client was closed")) }

// Ask decodes the agent's reply into reply. When ctx is done first, the request is cancelled.
func (c *Client) Ask(ctx context.Context, agent, messageType string, payload, reply any) error {
	request := fields{"target": agent, "message_type": messageType, "payload": payload, "expects_reply": true}
	if deadline, ok := ctx.Deadline(); ok {
		request["timeout_ms"] = max(0, time.Until(deadline).Milliseconds())
	}
	response, err := c.call(ctx, request)
	if err != nil {
		return err
	}
	return json.Unmarshal(response.Payload, reply)
}

// Send returns once the message is in the agent's mailbox. Nobody waits for what the agent makes of it.
func (c *Client) Send(ctx context.Context, agent, messageType string, payload any) error {
	_, err := c.call(ctx, fields{"target": agent, "message_type": messageType, "payload": payload})
	return err
}

// Stream yields the items of a stream. Leaving the loop early, or ending ctx, tells the agent to stop.
func (c *Client) Stream(ctx context.Context, agent, messageType string, payload any) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		request := fields{"target": agent, "message_type": messageType, "payload": payload, "expects_stream": true, "stream_window": itemsAhead}
		// One place more than the window has items, for the final frame.
		id, frames, err := c.open(request, itemsAhead+1)
		if err != nil {
			yield(nil, err)
			return
		}
		defer c.leave(id)
		for read := 1; ; read++ {
			item, err := c.next(ctx, frames)
			if err == nil {
				err = item.err()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if (!item.last() || string(item.Payload) != "null") && !yield(item.Payload, nil) || item.last() {
				return
			}
			if read%(itemsAhead/2) == 0 {
				c.write(fields{"credit": itemsAhead / 2, "stream_id": id})
			}
		}
	}
}

// Subscribe yields every message of these types that is broadcast from now on, until ctx is done or the loop is left.
func (c *Client) Subscribe(ctx context.Context, messageTypes ...string) iter.Seq2[Push, error] {
	return func(yield func(Push, error) bool) {
		pushes := make(chan frame, pushesMax)
		c.mu.Lock()
		c.subscribers[pushes] = messageTypes
		c.mu.Unlock()
		defer c.unsubscribe(pushes)
		answer, err := c.call(ctx, fields{"message_types": messageTypes})
		if err == nil && len(answer.RejectedTypes) > 0 {
			err = fmt.Errorf("the server does not know %v", answer.RejectedTypes)
		}
		for err == nil {
			var push frame
			if push, err = c.next(ctx, pushes); err == nil && !yield(push.Push, nil) {
				return
			}
		}
		yield(Push{}, err)
	}
}

func (c *Client) unsubscribe(pushes chan frame) {
	c.mu.Lock()
	unwanted := c.subscribers[pushes]
	delete(c.subscribers, pushes)
	for _, others := range c.subscribers {
		unwanted = slices.DeleteFunc(slices.Clone(unwanted), func(name string) bool { return slices.Contains(others, name) })
	}
	c.mu.Unlock()
	if len(unwanted) > 0 { // An empty list would leave everything.
		c.write(fields{"unsubscribe": unwanted})
	}
}

func (c *Client) call(ctx context.Context, request fields) (frame, error) {
	id, frames, err := c.open(request, 1)
	if err != nil {
		return frame{}, err
	}
	defer c.leave(id)
	response, err := c.next(ctx, frames)
	if err == nil {
		err = response.err()
	}
	return response, err
}

// open sends a request, and gives the channel that its frames come by; the channel is closed when the connection ends.
func (c *Client) open(request fields, size int) (string, chan frame, error) {
	frames := make(chan frame, size)
	c.mu.Lock()
	if c.failure != nil {
		c.mu.Unlock()
		return "", nil, c.failure
	}
	c.lastID++
	id := strconv.Itoa(c.lastID)
	c.calls[id] = frames
	c.mu.Unlock()
	request["request_id"] = id
	if err := c.write(request); err != nil {
		c.forget(id)
		return "", nil, err
	}
	return id, frames, nil
}

func (c *Client) next(ctx context.Context, frames chan frame) (frame, error) {
	select {
	case next, open := <-frames:
		if !open {
			c.mu.Lock()
			defer c.mu.Unlock()
			return frame{}, c.failure
		}
		return next, nil
	case <-ctx.Done():
		return frame{}, ctx.Err()
	}
}

// leave cancels the call, unless its last frame has come.
func (c *Client) leave(id string) {
	if c.forget(id) {
		c.write(fields{"cancel": id})
	}
}

func (c *Client) forget(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, open := c.calls[id]
	delete(c.calls, id)
	return open
}

func (c *Client) write(body fields) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	// Write returns when all is written, in as many pieces as it takes. That the connection is gone, the reading side
	// says: it knows whether the server gave a reason.
	c.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return nil
}

// read hands out frames until the connection ends, and says why it has.
func (c *Client) read() error {
	reader := bufio.NewReader(c.conn)
	var header [4]byte
	for {
		// ReadFull waits until all of it is there, in however many pieces it comes.
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			return fmt.Errorf("the connection was closed: %w", err)
		}
		length := binary.BigEndian.Uint32(header[:])
		if length > frameBytesMax {
			return fmt.Errorf("the server sent a frame of %d bytes", length)
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(reader, data); err != nil {
			return fmt.Errorf("the connection was closed: %w", err)
		}
		var received frame
		if err := json.Unmarshal(data, &received); err != nil {
			return err
		}
		if err := c.receive(received); err != nil {
			return err
		}
	}
}

func (c *Client) receive(received frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return c.failure // Closed meanwhile.
	}
	if received.NotificationType == "subscription" {
		for pushes, types := range c.subscribers {
			if slices.Contains(types, received.Type) {
				select {
				case pushes <- received:
				default: // A slow reader loses it, and holds up nobody.
				}
			}
		}
		return nil
	}
	if received.RequestID == nil {
		return received.err() // An error that names no request is about the connection itself.
	}
	id := *received.RequestID
	frames, open := c.calls[id]
	if !open {
		return nil // The call was left.
	}
	if received.last() {
		delete(c.calls, id)
	}
	select {
	case frames <- received:
		return nil
	default:
		return fmt.Errorf("the server sent more of %s than it was asked for", id)
	}
}

// end settles every open call.
func (c *Client) end(failure error) {
	c.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return
	}
	c.failure = failure
	for _, frames := range c.calls {
		close(frames)
	}
	clear(c.calls)
	for pushes := range c.subscribers {
		close(pushes)
	}
	clear(c.subscribers)
}

func demonstrate(path string) error {
	client, err := Dial(path)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	var sums [3]struct{ Sum int }
	var failures [3]error
	var group sync.WaitGroup
	for i := range sums {
		group.Add(1)
		go func() {
			defer group.Done()
			failures[i] = client.Ask(ctx, "calculator", "AddRequest", fields{"a": 5, "b": i + 1}, &sums[i])
		}()
	}
	group.Wait()
	if err := errors.Join(failures[:]...); err != nil {
		return err
	}
	fmt.Printf("5 + 1, 2, 3 = %d, %d, %d\n", sums[0].Sum, sums[1].Sum, sums[2].Sum)

	for data, err := range client.Stream(ctx, "list_service", "ListRequest", fields{"page_size": 1_000_000}) {
		var item struct {
			ID   int
			Name string
		}
		if err == nil {
			err = json.Unmarshal(data, &item)
		}
		if err != nil {
			return err
		}
		fmt.Println(item.ID, item.Name)
		if item.ID == 2 {
			break
		}
	}

	var refused *Error
	if errors.As(client.Ask(ctx, "nobody", "AddRequest", fields{"a": 5, "b": 3}, nil), &refused) {
		fmt.Println(refused.Code)
	}

	left := 2
	for push, err := range client.Subscribe(ctx, "PriceUpdate") {
		if err != nil {
			return err
		}
		var price struct{ Symbol string }
		if err := json.Unmarshal(push.Payload, &price); err != nil {
			return err
		}
		fmt.Println(push.Type, price.Symbol)
		if left--; left == 0 {
			break
		}
	}
	return nil
}

func main() {
	path := "/tmp/acton.sock"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	if err := demonstrate(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
