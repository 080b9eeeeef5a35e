// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/govrrp/vrrpd/cloud"
	"github.com/govrrp/vrrpd/cloud/memory"
)

type open struct{}

func (open) Allowed() error { return nil }

// Plan∘Apply = ∅, Plan never touches what was not asked for, and the order of
// observations does not matter; for every dialect and any ownership.
func FuzzScenario14_Plan(f *testing.F) {
	for d := range uint8(4) {
		f.Add(d, uint64(d)*7+1)
	}
	f.Fuzz(func(t *testing.T, dialect uint8, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 14))
		w := memory.New(memory.Dialect(dialect & 3))
		a := w.Node("a", netip.MustParseAddr("10.0.0.2"))
		holders := []string{"a/0", "b/0", "", "c/0"}
		var items []cloud.Item
		for i := range 1 + rng.IntN(12) {
			it := cloud.VIP(netip.AddrFrom4([4]byte{10, 0, 0, byte(10 + i)}))
			if rng.IntN(2) == 0 {
				it = cloud.Item{Kind: cloud.Route, Table: "t", Dest: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16)}
			}
			w.Add(it, holders[rng.IntN(len(holders))])
			if rng.IntN(4) > 0 {
				items = append(items, it)
			}
		}
		before := map[string]string{}
		for _, it := range w.Items() {
			before[it.Key()] = w.Holder(it)
		}
		ctx := context.Background()
		node, err := a.Discover(ctx)
		if err != nil {
			t.Fatal(err)
		}
		observed := a.Observe(ctx, node, items)
		steps := a.Plan(node, observed)
		rng.Shuffle(len(observed), func(i, j int) { observed[i], observed[j] = observed[j], observed[i] })
		if again := a.Plan(node, observed); !reflect.DeepEqual(steps, again) {
			t.Fatalf("the plan depends on the order of observations:\n%+v\n%+v", steps, again)
		}
		for _, s := range steps {
			if out := a.Apply(ctx, open{}, s); out.Class != cloud.ClassDone {
				t.Fatalf("%s of %s: %+v", s.Op, s.Resource, out)
			}
		}
		if left := a.Plan(node, a.Observe(ctx, node, items)); len(left) != 0 {
			t.Fatalf("still planned after all was applied: %+v", left)
		}
		asked := map[string]bool{}
		for _, it := range items {
			asked[it.Key()] = true
		}
		for _, it := range w.Items() {
			want := before[it.Key()]
			if asked[it.Key()] {
				want = "a/0"
			}
			if got := w.Holder(it); got != want {
				t.Errorf("%s is held by %q, want %q", it.Key(), got, want)
			}
		}
	})
}
