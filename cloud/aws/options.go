// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// ErrNotBuilt is returned by New of a program that was built with the tag noaws.
var ErrNotBuilt = errors.New("this program was built without support for aws (build tag noaws)")

// ErrNeedsPeer is returned by Policy when the policy has to name the peer's
// network interfaces, its address is not given, and it holds nothing now.
var ErrNeedsPeer = errors.New("the policy names the interfaces of both nodes: give the peer's address, or ask on the node that is not MASTER")

// Options say how to reach the cloud. The zero value is right on an EC2
// instance with an instance profile.
type Options struct {
	// Endpoint is the URL of the EC2 API. Empty: AWS_ENDPOINT_URL_EC2, the
	// profile's, or the region's own. Plain http to this machine only.
	Endpoint string
	// MetadataEndpoint is the URL of the metadata service. Empty:
	// AWS_EC2_METADATA_SERVICE_ENDPOINT, or http://169.254.169.254.
	MetadataEndpoint string
	// Region is the region of the API. Empty: AWS_REGION, the profile's, or
	// the instance's own.
	Region string
	// Profile names a profile of the shared configuration. Empty: AWS_PROFILE,
	// or "default".
	Profile string
	// CredentialsFile is the shared credentials file. Empty:
	// AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials.
	CredentialsFile string
	// Source is the local address that requests leave from: the primary
	// address of the node, never a virtual one. The zero Addr leaves the
	// choice to the kernel.
	Source netip.Addr
	// Timeout is the deadline of one request; default 3 s.
	Timeout time.Duration
	// Confirm is how long the node's own metadata may contradict the API about
	// an address that the API says is here, before the API is believed;
	// default 30 s. Until then the item is [cloud.Unknown], class Busy.
	Confirm time.Duration
	// Base replaces the network, for tests.
	Base http.RoundTripper
	// Links lists the kernel's interfaces, to match them by MAC; nil: net.Interfaces.
	Links func() ([]net.Interface, error)
}
