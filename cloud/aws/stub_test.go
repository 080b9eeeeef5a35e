// SPDX-License-Identifier: Apache-2.0

//go:build noaws

package aws

import (
	"context"
	"errors"
	"testing"
)

func TestNotBuilt(t *testing.T) {
	if p, err := New(context.Background(), Options{}); p != nil || !errors.Is(err, ErrNotBuilt) {
		t.Errorf("got %v, %v", p, err)
	}
}
