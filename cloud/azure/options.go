// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// ErrNotBuilt is returned by New of a program that was built with the tag noazure.
var ErrNotBuilt = errors.New("this program was built without support for azure (build tag noazure)")

// Options say how to reach the cloud. The zero value is right on a virtual
// machine that has a managed identity.
type Options struct {
	// Endpoint is the URL of Azure Resource Manager. Empty: that of the cloud
	// the machine is in. Plain http to this machine only.
	Endpoint string
	// MetadataEndpoint is the URL of the instance metadata service, without
	// /metadata. Empty: http://169.254.169.254.
	MetadataEndpoint string
	// Subscription and ResourceGroup are where names without a scope are
	// looked up. Empty: those of the virtual machine.
	Subscription, ResourceGroup string
	// ClientID picks one of several managed identities of the machine. Empty:
	// AZURE_CLIENT_ID, or the machine's own identity. Credentials of a service
	// principal in the environment (AZURE_TENANT_ID, AZURE_CLIENT_ID and
	// AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH or
	// AZURE_FEDERATED_TOKEN_FILE) are used in place of a managed identity.
	ClientID string
	// NICs, if not empty, names this node's network interfaces by resource id,
	// for use where there is no metadata service. The first is the primary.
	NICs []string
	// PeerNICs names interfaces that may hold an address and are not in the
	// resource group of this node's own.
	PeerNICs []string
	// TableAbove is how many routes of one table are at most written one by
	// one. More are written by one PUT of the table, which needs the wider
	// permission routeTables/write, and is faster: Azure carries out one write
	// of a table after the other, 5 to 10 s each. Zero means 1; 400 or more
	// writes routes always one by one.
	TableAbove int
	// Source is the local address that requests leave from: the primary
	// address of the node, never a virtual one. The zero Addr leaves the
	// choice to the kernel.
	Source netip.Addr
	// Timeout is the deadline of one write; default 10 s. Reads end after 3 s,
	// or sooner if Timeout is shorter.
	Timeout time.Duration
	// Base replaces the network, for tests.
	Base http.RoundTripper
	// Links lists the kernel's interfaces, to match them by MAC; nil: net.Interfaces.
	Links func() ([]net.Interface, error)
}
