// SPDX-License-Identifier: Apache-2.0

// Package world is a small universe in which whole VRRP nodes live: real
// [engine.Engine] values, the same the daemon runs, on hosts, links and a
// cloud that are made up. Everything happens in virtual time, in one
// goroutine, in the order of one heap; whatever is left to chance comes from
// one generator. The same [Setup] therefore makes the same history, byte for
// byte.
//
//	w, err := world.New(setup)
//	w.RunUntil(time.Hour)
//	for _, v := range w.Result().Violations { … }
//
// After every step of every node the [World] checks what must always hold,
// and, once its [Fault] list leaves it in peace for long enough, what must
// hold in the end: one MASTER on each connected segment, and the right one.
// The rules it checks by are written anew from the RFCs here, not taken from
// the packages under test.
package world
