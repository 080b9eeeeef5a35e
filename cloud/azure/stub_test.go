// SPDX-License-Identifier: Apache-2.0

//go:build noazure

package azure_test

import (
	"errors"
	"testing"

	"github.com/govrrp/vrrpd/cloud/azure"
)

func TestNotBuilt(t *testing.T) {
	if p, err := azure.New(azure.Options{}); p != nil || !errors.Is(err, azure.ErrNotBuilt) {
		t.Errorf("%v, %v", p, err)
	}
}
