// SPDX-License-Identifier: Apache-2.0

package ipsec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// The wire format of VICI, from strongSwan's description of the protocol.
const (
	cmdRequest, cmdResponse, cmdUnknown          = 0, 1, 2
	eventRegister, eventUnregister, eventConfirm = 3, 4, 5
	event                                        = 7
	sectionStart, sectionEnd, keyValue           = 1, 2, 3
	listStart, listItem, listEnd                 = 4, 5, 6
)

// A section is a message: values are string, []string or section.
type section map[string]any

func (s section) encode() []byte {
	var b []byte
	text := func(t string) { b = append(append(b, byte(len(t))), t...) }
	value := func(t string) { b = append(binary.BigEndian.AppendUint16(b, uint16(len(t))), t...) }
	for _, key := range slices.Sorted(maps.Keys(s)) {
		switch v := s[key].(type) {
		case string:
			b = append(b, keyValue)
			text(key)
			value(v)
		case []string:
			b = append(b, listStart)
			text(key)
			for _, item := range v {
				b = append(b, listItem)
				value(item)
			}
			b = append(b, listEnd)
		case section:
			b = append(b, sectionStart)
			text(key)
			b = append(append(b, v.encode()...), sectionEnd)
		}
	}
	return b
}

// decodeFlat reads a message of plain values, which is all this client sends.
func decodeFlat(b []byte) (map[string]string, error) {
	out := map[string]string{}
	for len(b) > 0 {
		if b[0] != keyValue {
			return nil, fmt.Errorf("element type %d", b[0])
		}
		n := int(b[1])
		key, rest := string(b[2:2+n]), b[2+n:]
		m := int(binary.BigEndian.Uint16(rest))
		out[key], b = string(rest[2:2+m]), rest[2+m:]
	}
	return out, nil
}

// A fakeCharon is enough of charon to bring tunnels up and down.
type fakeCharon struct {
	socket string

	mu       sync.Mutex
	onDisk   map[string]section // what load would add
	conns    map[string]section
	sas      map[string]section // by IKE SA id
	nextID   int
	refuse   map[string]int // initiate fails that often, by child
	silent   bool           // accepts and never answers
	hangUps  int            // list-sas hangs up that often
	commands []string
}

func newFakeCharon(t *testing.T) *fakeCharon {
	t.Helper()
	f := &fakeCharon{
		socket: filepath.Join(t.TempDir(), "vici"),
		onDisk: map[string]section{}, conns: map[string]section{}, sas: map[string]section{}, refuse: map[string]int{},
	}
	f.serve(t)
	return f
}

func (f *fakeCharon) serve(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var open sync.Map
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			wg.Go(func() { f.talk(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		wg.Wait()
	})
}

func (f *fakeCharon) talk(c net.Conn) {
	defer c.Close()
	for {
		var size [4]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(c, packet); err != nil {
			return
		}
		f.mu.Lock()
		silent := f.silent
		f.mu.Unlock()
		if silent {
			continue
		}
		answers := f.answer(packet)
		if answers == nil {
			return
		}
		for _, answer := range answers {
			if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)); err != nil {
				return
			}
		}
	}
}

func (f *fakeCharon) answer(packet []byte) [][]byte {
	if packet[0] == eventRegister || packet[0] == eventUnregister {
		return [][]byte{{eventConfirm}}
	}
	name := string(packet[2 : 2+packet[1]])
	fields, err := decodeFlat(packet[2+packet[1]:])
	if err != nil {
		return [][]byte{{cmdUnknown}}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	reply, err := section{"success": "yes"}, error(nil)
	var out [][]byte
	stream := func(kind string, entries map[string]section) {
		for _, id := range slices.Sorted(maps.Keys(entries)) {
			entry, key := maps.Clone(entries[id]), id
			if conn, ok := entry["_name"]; ok {
				key = conn.(string)
				delete(entry, "_name")
			}
			head := append([]byte{event, byte(len(kind))}, kind...)
			out = append(out, append(head, section{key: entry}.encode()...))
		}
		reply = section{}
	}
	switch name {
	case "version":
	case "list-conns":
		stream("list-conn", f.conns)
	case "list-sas":
		if f.hangUps > 0 {
			f.hangUps--
			return nil
		}
		stream("list-sa", f.sas)
	case "initiate":
		err = f.initiate(fields)
	case "terminate":
		f.commands = append(f.commands, "terminate "+fields["ike-id"])
		delete(f.sas, fields["ike-id"])
	case "unload-conn":
		f.commands = append(f.commands, "unload "+fields["name"])
		delete(f.conns, fields["name"])
	default:
		return [][]byte{{cmdUnknown}}
	}
	if err != nil {
		reply = section{"success": "no", "errmsg": err.Error()}
	}
	return append(out, append([]byte{cmdResponse}, reply.encode()...))
}

func (f *fakeCharon) initiate(fields map[string]string) error {
	conn, child := fields["ike"], fields["child"]
	f.commands = append(f.commands, "initiate "+conn+"/"+child)
	if f.refuse[child] > 0 {
		f.refuse[child]--
		return errors.New("establishing CHILD_SA '" + child + "' failed")
	}
	f.add(conn, f.conns[conn]["local_addrs"].([]string)[0], "ESTABLISHED", child)
	return fmt.Errorf("CHILD_SA '%s' not established after %sms, detaching", child, fields["timeout"])
}

// add makes an IKE SA with one child SA.
func (f *fakeCharon) add(conn, local, state, child string) {
	f.nextID++
	id := fmt.Sprint(f.nextID)
	f.sas[id] = section{
		"_name": conn, "uniqueid": id, "state": state, "local-host": local, "remote-host": "198.51.100.1",
		"child-sas": section{child + "-" + id: section{"name": child, "state": "INSTALLED"}},
	}
}

// know adds a connection to what is on disk, and to what is loaded.
func (f *fakeCharon) know(loaded bool, name, local, remote string, children ...string) {
	kids := section{}
	for _, c := range children {
		kids[c] = section{"mode": "TUNNEL"}
	}
	kids["bypass"] = section{"mode": "PASS"}
	if len(children) == 0 {
		kids = section{}
	}
	conn := section{"local_addrs": []string{local}, "remote_addrs": []string{remote}, "children": kids}
	f.onDisk[name] = conn
	if loaded {
		f.conns[name] = conn
	}
}

// load is what swanctl --load-all does.
func (f *fakeCharon) load() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, "load")
	maps.Copy(f.conns, f.onDisk)
}

func (f *fakeCharon) did() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.commands
	f.commands = nil
	return out
}
