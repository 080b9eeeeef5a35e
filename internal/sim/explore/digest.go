// SPDX-License-Identifier: Apache-2.0

package explore

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"reflect"
	"time"
)

// digester boils a network down to a number.
type digester struct {
	hash.Hash64
	now  time.Time
	seen map[uintptr]bool
}

// digest tells states apart. Times count relative to now.
func (w *network) digest() uint64 {
	d := digester{fnv.New64a(), w.now, map[uintptr]bool{}}
	d.number(uint64(w.losses), uint64(w.events))
	for _, h := range w.nodes {
		d.value(reflect.ValueOf(h.links))
		d.value(reflect.ValueOf(h.on))
		if h.on {
			d.value(reflect.ValueOf(h.engine))
		}
	}
	for _, l := range w.mail {
		d.number(uint64(l.from), uint64(l.to), uint64(l.segment), uint64(w.now.Sub(l.sent)))
		d.value(reflect.ValueOf(l.packet.Payload))
	}
	return d.Sum64()
}

func (d *digester) number(ns ...uint64) {
	var b [8]byte
	for _, n := range ns {
		binary.LittleEndian.PutUint64(b[:], n)
		d.Write(b[:])
	}
}

// irrelevant fields only count, number or hold scratch space; the rest of an
// engine decides what it will do.
var irrelevant = map[string]bool{
	"counters": true, "nextID": true, "id": true, "reports": true, "outputs": true, "packets": true,
	"actions": true, "buf": true, "now": true, "Adverts": true, "refused": true, "byID": true, "unicast": true,
	"retired": true, "advert": true, "bad": true, "queue": true,
}

var timeType = reflect.TypeFor[time.Time]()

// memory is how far back a time makes a difference.
const memory = 5 * interval

func (d *digester) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || d.seen[v.Pointer()] {
			d.number(0)
			return
		}
		d.seen[v.Pointer()] = true
		d.value(v.Elem())
	case reflect.Struct:
		if v.Type() == timeType {
			d.time(v)
			return
		}
		for i := range v.NumField() {
			if !irrelevant[v.Type().Field(i).Name] {
				d.value(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		d.number(uint64(v.Len()))
		for i := range v.Len() {
			d.value(v.Index(i))
		}
	case reflect.String:
		d.Write([]byte(v.String()))
		d.number(uint64(v.Len()))
	case reflect.Bool:
		if v.Bool() {
			d.number(1)
		} else {
			d.number(0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.number(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		d.number(v.Uint())
	case reflect.Map:
		d.number(uint64(v.Len())) // configuration and levels: the same in all states
	}
}

// time reads an instant without a monotonic reading from its fields, which
// reflection does not hand out otherwise.
func (d *digester) time(v reflect.Value) {
	wall, ext := v.Field(0).Uint(), v.Field(1).Int()
	if wall == 0 && ext == 0 {
		d.number(0)
		return
	}
	const unixToInternal = 62135596800
	t := time.Unix(ext-unixToInternal, int64(wall&(1<<30-1)))
	d.number(1, uint64(max(t.Sub(d.now), -memory)))
}
